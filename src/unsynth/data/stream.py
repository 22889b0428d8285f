"""Training batches, rendered while training and each a function of its step alone.

Sounds come in groups of ``batch / uses`` new ones a step. The batch of step s holds the groups

    s, s + apart, s + 2 apart, ..., s + (uses - 1) apart,

so every step renders one group, every sound is used ``uses`` times, ``apart`` steps from one use
to the next, and a run that resumes at step s sees what the first run saw: it renders the groups
that batch s and later ones need, and no state has to be stored. Sounds are kept as
what the model observes of them, in bytes.
"""

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch.utils.data import IterableDataset

from unsynth.audio.observation import Observation
from unsynth.data.draws import audible_draws
from unsynth.data.seeding import Split
from unsynth.flow.coupling import Coupling, couple
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.task import Task

_DEQUANTISE, _NOISE = 1, 8
_T = TypeVar("_T")


class Batch(NamedTuple):
    """What one step trains on, or a device's part of it.

    Encoded patches, what is observed of their sounds, and the noise that goes with the patches.
    The first item here is number ``first`` of the whole batch.
    """

    step: int
    x1: Float[torch.Tensor, "items d"]
    observed: UInt8[torch.Tensor, "items ..."]
    x0: Float[torch.Tensor, "noises items d"]
    first: int = 0

    def parts(self, count: int) -> "Iterator[Batch]":
        """Cut it into equal parts."""
        size = len(self.x1) // count
        for start in range(0, len(self.x1), size):
            mine = slice(start, start + size)
            yield Batch(
                self.step,
                self.x1[mine],
                self.observed[mine],
                self.x0[:, mine],
                self.first + start,
            )


def draw_noise(
    rng: np.random.Generator,
    coupling: Coupling,
    task: Task,
    x1: Float[torch.Tensor, "items d"],
    patches: Float[np.ndarray, "items parameters"],
    noises: int,
) -> Float[torch.Tensor, "noises items d"]:
    """Draw noise for encoded patches, and couple it with them."""
    noise = rng.standard_normal((noises, *x1.shape), dtype=np.float32)

    @cache
    def symmetries() -> list[Int[np.ndarray, "images d"]]:
        return [task.symmetries(patch) for patch in patches]

    return torch.stack([couple(coupling, x0, x1, symmetries) for x0 in torch.from_numpy(noise)])


class Waited(Generic[_T]):
    """Batches to loop over, with the seconds that were waited for them in all."""

    def __init__(self, batches: Iterable[_T]) -> None:
        self._batches = batches
        self.seconds = 0.0

    def __iter__(self) -> Iterator[_T]:
        batches = iter(self._batches)
        while True:
            asked = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self.seconds += time.monotonic() - asked
            yield batch


@dataclass(frozen=True)
class Sounds:
    """Patches as they are drawn, and what is observed of their sounds."""

    patches: Float[np.ndarray, "items parameters"]
    observed: UInt8[torch.Tensor, "items ..."]


def render_sounds(
    task: Task,
    renderer: Renderer,
    observation: Observation,
    split: Split,
    items: range,
    seed: int = 0,
) -> Sounds:
    """Draw, render and observe items of a split."""
    pairs = list(audible_draws(task, renderer, split, items, seed))
    observed = [observation.of(audio, renderer.sample_rate) for _, audio in pairs]
    return Sounds(np.stack([patch for patch, _ in pairs]), torch.stack(observed))


class Stream(IterableDataset[Batch]):
    """The batches from step ``start`` on, without end.

    The next batches are made in a thread of this process while the caller trains on one; leave
    the loop to stop it, and :meth:`close` the stream before its renderer.
    """

    def __init__(
        self,
        task: Task,
        renderer: Renderer,
        observation: Observation,
        batch: int,
        uses: int,
        apart: int,
        noises: int,
        coupling: Coupling,
        seed: int = 0,
        start: int = 0,
    ) -> None:
        self.start = start
        self._task = task
        self._renderer = renderer
        self._observation = observation
        self._group = batch // uses
        self._offsets = [use * apart for use in range(uses)]
        self._noises, self._coupling = noises, coupling
        self._seed = seed
        self._rendered: dict[int, Sounds] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def batch(self, step: int) -> Batch:
        """Make the batch of one step."""
        groups = [self._sounds(step + offset) for offset in self._offsets]
        patches = np.concatenate([sounds.patches for sounds in groups])
        rng = np.random.default_rng((self._seed, step, _DEQUANTISE))
        x1 = torch.from_numpy(self._task.spec.encode(patches, dequantise=rng).astype(np.float32))
        rng = np.random.default_rng((self._seed, step, _NOISE))
        x0 = draw_noise(rng, self._coupling, self._task, x1, patches, self._noises)
        return Batch(step, x1, torch.cat([sounds.observed for sounds in groups]), x0)

    def _sounds(self, group: int) -> Sounds:
        if group not in self._rendered:
            items = range(group * self._group, (group + 1) * self._group)
            self._rendered[group] = render_sounds(
                self._task, self._renderer, self._observation, Split.TRAIN, items, self._seed
            )
        return self._rendered[group]

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
                self._rendered.pop(step)  # no later batch holds this group
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
