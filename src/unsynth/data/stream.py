"""Training batches made while training, each a function of the seed and its step alone.

Every step makes one group of ``batch / uses`` new sounds, rendered or sketched. The batch of step
s holds the groups

    s, s + apart, s + 2 apart, ..., s + (uses - 1) apart.

So every sound is used ``uses`` times, ``apart`` steps from one use to the next. A run that resumes
at step s makes the groups that batch s and later ones need, and gets the batches of the first run;
no state has to be stored. Of a sound only the observation is kept, in bytes.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count

import torch
from torch.utils.data import IterableDataset

from unsynth.data.batch import Batch, Pairing, Sounds
from unsynth.data.seeding import Purpose, training_rng

#: Batches made ahead of the trainer, beside the one in the making.
_QUEUE_SIZE = 2


class Stream(IterableDataset[Batch]):
    """The batches from step ``start`` on, without end.

    ``groups`` makes groups of ``batch / uses`` new sounds. A thread of this process makes the next
    batches while the caller trains on one. Leave the loop to stop the thread, and :meth:`close` the
    stream before its renderer.
    """

    def __init__(
        self,
        pairing: Pairing,
        groups: Callable[[Iterable[int]], Iterator[Sounds]],
        uses: int,
        apart: int,
        seed: int = 0,
        start: int = 0,
    ) -> None:
        self.start = start
        self._pairing = pairing
        self._make_groups = groups
        self._offsets = [use * apart for use in range(uses)]
        self._apart = apart
        self._seed = seed
        self._new_groups: Iterator[Sounds] | None = None
        #: Groups by number, until their last use.
        self._groups: dict[int, Sounds] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def batch(self, step: int) -> Batch:
        """Make the batch of a step: any step in the first call, then one step after the other."""
        if self._new_groups is None:
            self._new_groups = self._make_groups(self._group_numbers(step))
        sounds = Sounds.join(
            [self._group(step + offset, self._new_groups) for offset in self._offsets]
        )
        del self._groups[step]  # no later batch holds this group
        rng = training_rng(Purpose.STREAM_ENCODING, self._seed, step)
        x1 = self._pairing.encode(sounds.patches, rng)
        rng = training_rng(Purpose.STREAM_NOISE, self._seed, step)
        x0 = self._pairing.draw_noise(x1, sounds.patches, rng)
        return Batch(step, x1, torch.from_numpy(sounds.observed), x0)

    def _group_numbers(self, start: int) -> Iterator[int]:
        """List groups in the order in which the batches from ``start`` on first need them."""
        for step in count(start):
            first_uses = self._offsets if step - start < self._apart else self._offsets[-1:]
            yield from (step + offset for offset in first_uses)

    def _group(self, number: int, new_groups: Iterator[Sounds]) -> Sounds:
        if number not in self._groups:
            self._groups[number] = next(new_groups)
        return self._groups[number]

    def __iter__(self) -> Iterator[Batch]:
        ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=_QUEUE_SIZE)
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
        except BaseException as error:  # raised again in the caller's thread
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
    """Put an item into a queue as soon as it has room, unless one of ``stops`` is set."""
    while not any(stop.is_set() for stop in stops):
        try:
            ready.put(item, timeout=0.1)
        except queue.Full:
            continue
        return
