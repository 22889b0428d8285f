"""Groups of new sounds for training, rendered or sketched."""

import atexit
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from unsynth.audio.observation import Observation
from unsynth.audio.window_levels import observe_windows
from unsynth.data.batch import Sounds
from unsynth.data.draws import draws, key_on
from unsynth.data.seeding import Split
from unsynth.data.sketched import sketched_draws
from unsynth.rendering.renderer import Renderer
from unsynth.sketches.sketch import Sketch
from unsynth.tasks.task import Task
from unsynth.threads import torch_threads


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
        key = key_on(task, draw.patch)
        observed.append(observation.observe(draw.audio, task.sample_rate, key))
    return Sounds(np.stack(patches), np.stack(observed))


@dataclass(frozen=True)
class RenderedGroups:
    """Groups of ``size`` new sounds, rendered and observed.

    Group n holds the items from ``n * size`` up to, but not including, ``(n + 1) * size``.
    """

    task: Task
    renderer: Renderer
    observation: Observation
    size: int
    seed: int = 0

    def __call__(self, numbers: Iterable[int]) -> Iterator[Sounds]:
        """Render the groups with these numbers, one after the other."""
        for number in numbers:
            items = range(number * self.size, (number + 1) * self.size)
            yield render_sounds(
                self.task, self.renderer, self.observation, Split.TRAIN, items, self.seed
            )


@dataclass(frozen=True)
class SketchedGroups(Dataset[Sounds]):
    """The same groups, sketched on ``device``; windows of the sketches are observed.

    ``loaders`` processes sketch them; with 0, the caller's thread does.
    """

    sketch: Sketch
    size: int
    loaders: int = 0
    seed: int = 0
    device: str = "cpu"

    def __call__(self, numbers: Iterable[int]) -> Iterator[Sounds]:
        """Sketch the groups with these numbers, in order; leave the loop to end the processes."""
        loader = DataLoader(
            self,
            batch_size=None,
            sampler=numbers,
            num_workers=self.loaders,
            # A forked process would inherit locks, but not the threads that hold them.
            multiprocessing_context="spawn" if self.loaders else None,
            worker_init_fn=begin_loader if self.loaders else None,
        )
        with interrupts_blocked():
            groups = iter(loader)
        yield from groups

    def __getitem__(self, number: int) -> Sounds:
        """Sketch one group."""
        torch.set_flush_denormal(True)
        task, items = self.sketch.task, range(number * self.size, (number + 1) * self.size)
        parts = []
        # A loader has one thread, too: the sounds are the same to the last bit.
        with torch_threads(1):
            for patches, windows in sketched_draws(
                self.sketch, Split.TRAIN, items, self.seed, self.device
            ):
                keys = [key_on(task, patch) for patch in patches]
                observed = observe_windows(windows, task.sample_rate, keys)
                parts.append(Sounds(patches, observed.cpu().numpy()))
        return Sounds.join(parts)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C here, and in processes started here until :func:`begin_loader` runs in them.

    Does nothing on systems that cannot block signals.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It unblocks SIGINT when it starts, so it has to run before SIGINT is blocked.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_loader(worker: int) -> None:
    """Prepare a loader process for a clean end."""
    # Ctrl-C, or a SIGTERM to the whole group, is for the trainer: it saves, then ends its loaders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "setsid"):
        os.setsid()
    # A thread of torch may still copy a batch; it would abort while the interpreter shuts down.
    atexit.register(os._exit, 0)
