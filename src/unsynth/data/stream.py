"""Training batches, rendered or sketched while training and each a function of its step alone.

Sounds come in groups of ``batch / uses`` new ones a step. The batch of step s holds the groups

    s, s + apart, s + 2 apart, ..., s + (uses - 1) apart,

so every step makes one group, every sound is used ``uses`` times, ``apart`` steps from one use
to the next, and a run that resumes at step s sees what the first run saw: it makes the groups
that batch s and later ones need, and no state has to be stored. Sounds are kept as
what the model observes of them, in bytes.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count

import numpy as np
import torch
from torch.utils.data import IterableDataset

from unsynth.data.batch import Batch, draw_noise
from unsynth.data.groups import Sounds
from unsynth.flow.coupling import Coupling
from unsynth.tasks.task import Task

_DEQUANTISE, _NOISE = 1, 8


class Stream(IterableDataset[Batch]):
    """The batches from step ``start`` on, without end.

    ``groups`` makes groups of ``batch / uses`` new sounds. The next batches are made in a thread of
    this process while the caller trains on one; leave the loop to stop it, and :meth:`close` the
    stream before its renderer.
    """

    def __init__(
        self,
        task: Task,
        groups: Callable[[Iterable[int]], Iterator[Sounds]],
        uses: int,
        apart: int,
        noises: int,
        coupling: Coupling,
        seed: int = 0,
        start: int = 0,
    ) -> None:
        self.start = start
        self._task = task
        self._groups = groups
        self._offsets = [use * apart for use in range(uses)]
        self._apart = apart
        self._noises, self._coupling = noises, coupling
        self._seed = seed
        self._coming: Iterator[Sounds] | None = None
        self._made: dict[int, Sounds] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def batch(self, step: int) -> Batch:
        """Make the batch of a step: any at first, then one after the other."""
        if self._coming is None:
            self._coming = self._groups(self._wanted(step))
        groups = [self._group(step + offset, self._coming) for offset in self._offsets]
        del self._made[step]  # no later batch holds this group
        patches = np.concatenate([sounds.patches for sounds in groups])
        rng = np.random.default_rng((self._seed, step, _DEQUANTISE))
        x1 = torch.from_numpy(self._task.spec.encode(patches, dequantise=rng).astype(np.float32))
        rng = np.random.default_rng((self._seed, step, _NOISE))
        x0 = draw_noise(rng, self._coupling, self._task, x1, patches, self._noises)
        return Batch(step, x1, torch.cat([sounds.observed for sounds in groups]), x0)

    def _wanted(self, start: int) -> Iterator[int]:
        """List groups in the order in which the batches from ``start`` on need them first."""
        for step in count(start):
            known = self._offsets[:-1] if step - start >= self._apart else []
            yield from (step + offset for offset in self._offsets[len(known) :])

    def _group(self, number: int, coming: Iterator[Sounds]) -> Sounds:
        if number not in self._made:
            self._made[number] = next(coming)
        return self._made[number]

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=2)
        stop = threading.Event()
        self._thread = threading.Thread(
            target=self._produce, args=(ready, stop), name="stream", daemon=True
        )
        self._thread.start()
        try:
            while True:
                batch = ready.get()
                if isinstance(batch, BaseException):
                    raise batch
                yield batch
        finally:
            stop.set()

    def _produce(self, ready: "queue.Queue[Batch | BaseException]", stop: threading.Event) -> None:
        step = self.start
        try:
            while not (stop.is_set() or self._closed.is_set()):
                batch = self.batch(step)
                _put(ready, batch, stop, self._closed)
                step += 1
        except BaseException as error:  # it is raised where the batch was wanted
            _put(ready, error, stop, self._closed)

    def close(self) -> None:
        """Stop making batches, for good."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()


def _put(
    ready: "queue.Queue[Batch | BaseException]",
    item: Batch | BaseException,
    *stops: threading.Event,
) -> None:
    while not any(stop.is_set() for stop in stops):
        try:
            ready.put(item, timeout=0.1)
        except queue.Full:
            continue
        return
