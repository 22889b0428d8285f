"""Sketches of engines: a few windows of a patch's note for a fraction of what a render costs.

A task whose engine is known well enough may offer ``windows``. A search goes downhill on them
(:mod:`unsynth.search.downhill`), and a model can be trained on as many sounds as is wanted.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int

from unsynth.audio.windows import LONG, SHORT, Cut, beginnings
from unsynth.conventions import SECONDS
from unsynth.synths.base import Note
from unsynth.tasks.task import Task


@runtime_checkable
class Windows(Protocol):
    """Windows of some patches' notes, on a CPU differentiable in the task's ``fitted`` values."""

    #: What the engine makes of a sample of 1.
    gain: float

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples."""
        ...


@runtime_checkable
class Sketched(Protocol):
    """A task with a sketch of its engine, which depends on the parameters at ``sketched`` too."""

    sketched: Int[np.ndarray, " parameters"]
    #: Parameters that windows have slopes in.
    fitted: Int[np.ndarray, " positions"]

    def windows(
        self,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> Windows:
        """Sketch windows of ``samples`` of these patches' notes on a device."""
        ...


@runtime_checkable
class SketchedTask(Task, Sketched, Protocol):
    """Both."""


@torch.no_grad()
def sketch(
    task: SketchedTask,
    patches: Sequence[Float[np.ndarray, " parameters"]],
    device: str = "cpu",
) -> Cut:
    """Play the windows that are observed of some notes (:mod:`unsynth.audio.windows`).

    Raises as ``task.windows`` does.
    """
    rate = task.sample_rate
    notes = [task.note(patch) for patch in patches]
    begun = [
        task.with_note(patch, Note(note.pitch, 0.0, note.duration))
        for patch, note in zip(patches, notes, strict=True)
    ]
    onsets = torch.tensor([round(note.onset * rate) for note in notes], device=device)

    def played(starts: Int[np.ndarray, " windows"], samples: int) -> torch.Tensor:
        windows = task.windows(begun, samples, device)
        values = torch.tensor(np.stack(begun)[:, task.fitted], dtype=torch.float32)
        first = torch.from_numpy(starts).to(device)
        found = windows.gain * windows(values.to(device), first)
        left = int(SECONDS * rate) - onsets[:, None] - first
        return found * (torch.arange(samples, device=device) < left[..., None])

    long, short = beginnings(rate)
    offsets = short[:, None] - long
    within = (offsets >= 0) & (offsets + SHORT <= LONG)
    longs, apart = played(long, LONG), ~within.any(axis=1)
    shorts = longs.new_empty((len(notes), len(short), SHORT))
    shorts[:, torch.from_numpy(apart).to(device)] = played(short[apart], SHORT)
    for frame, segment in np.argwhere(within):
        offset = offsets[frame, segment]
        shorts[:, frame] = longs[:, segment, offset : offset + SHORT]
    return Cut(longs, shorts)
