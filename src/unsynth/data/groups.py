"""Groups of sounds, rendered or sketched."""

import atexit
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.utils.data import DataLoader, Dataset

from unsynth.audio.observation import KeyOn, Observation, observe_windows
from unsynth.data.draws import draws, sketched_draws
from unsynth.data.seeding import Split
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.sketch import Sketch
from unsynth.tasks.task import Task


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
        observed.append(observation.observe(draw.audio, task.sample_rate, _key(task, draw.patch)))
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

    sketch: Sketch
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
        task, items = self.sketch.task, range(number * self.size, (number + 1) * self.size)
        made, observed = [], []
        for patches, windows in sketched_draws(
            self.sketch, Split.TRAIN, items, self.seed, self.device
        ):
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
