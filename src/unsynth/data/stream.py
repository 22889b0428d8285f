"""Training batches, rendered or sketched while training and each a function of its step alone.

Sounds come in groups of ``batch / uses`` new ones a step. The batch of step s holds the groups

    s, s + apart, s + 2 apart, ..., s + (uses - 1) apart,

so every step makes one group, every sound is used ``uses`` times, ``apart`` steps from one use
to the next, and a run that resumes at step s sees what the first run saw: it makes the groups
that batch s and later ones need, and no state has to be stored. Sounds are kept as
what the model observes of them, in bytes.
"""

import atexit
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from multiprocessing import resource_tracker
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch.utils.data import DataLoader, Dataset, IterableDataset

from unsynth.audio.observation import KeyOn, Observation, observe_windows
from unsynth.data.draws import draws, sketched_draws
from unsynth.data.seeding import Split
from unsynth.flow.coupling import Coupling, couple
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.sketch import SketchedTask
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
    patches, observed = [], []
    for draw in draws(task, renderer, split, items, seed):
        patches.append(draw.patch)
        observed.append(observation.of(draw.audio, task.sample_rate, _key(task, draw.patch)))
    return Sounds(np.stack(patches), torch.stack(observed))


def _key(task: Task, patch: Float[np.ndarray, " parameters"]) -> KeyOn:
    note = task.note(patch)
    return KeyOn(note.pitch, note.onset)


@dataclass(frozen=True)
class RenderedGroups:
    """Groups of ``size`` new sounds by their numbers, rendered and observed."""

    task: Task
    renderer: Renderer
    observation: Observation
    size: int
    seed: int = 0

    def __call__(self, numbers: Iterable[int]) -> Iterator[Sounds]:
        """Make groups, one after the other."""
        for number in numbers:
            items = range(number * self.size, (number + 1) * self.size)
            yield render_sounds(
                self.task, self.renderer, self.observation, Split.TRAIN, items, self.seed
            )


@dataclass(frozen=True)
class SketchedGroups(Dataset["_Sent"]):
    """The same of sketches, of which windows are observed, in ``loaders`` processes of their own.

    With 0 loaders they are made in the caller's thread. ``device`` is where they are sketched.
    """

    task: SketchedTask
    size: int
    loaders: int = 0
    seed: int = 0
    device: str = "cpu"

    def __call__(self, numbers: Iterable[int]) -> Iterator[Sounds]:
        """Make groups, in the order of their numbers; leave the loop to end the processes."""
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=numbers,
            num_workers=self.loaders,
            # Threads are not to be forked.
            multiprocessing_context="spawn" if self.loaders else None,
            worker_init_fn=begin_loader if self.loaders else None,
        )
        with _uninterrupted():
            coming = iter(loader)
        for made in coming:
            yield Sounds(made.patches, torch.from_numpy(made.observed))

    def __getitem__(self, number: int) -> "_Sent":
        """Make one group, as it is sent to another process."""
        torch.set_flush_denormal(True)
        task, items = self.task, range(number * self.size, (number + 1) * self.size)
        made, observed = [], []
        for patches, windows in sketched_draws(task, Split.TRAIN, items, self.seed, self.device):
            keys = [_key(task, patch) for patch in patches]
            made.append(patches)
            observed.append(observe_windows(windows, task.sample_rate, keys).cpu().numpy())
        return _Sent(np.concatenate(made), np.concatenate(observed))


@dataclass(frozen=True)
class _Sent:
    """Sounds without tensors, which torch would share by threads that outlive an interrupt."""

    patches: Float[np.ndarray, "items parameters"]
    observed: UInt8[np.ndarray, "items ..."]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that no Ctrl-C reaches before :func:`begin_loader`, on systems that can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would let Ctrl-C through again as it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_loader(worker: int) -> None:
    """Prepare a loader process for its end."""
    # Ctrl-C, or a SIGTERM to the whole group, is for the trainer: it saves, then ends its loaders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    # A thread of torch may still copy a batch, and would abort where Python takes itself apart.
    atexit.register(os._exit, 0)


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
