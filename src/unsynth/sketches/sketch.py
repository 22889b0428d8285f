"""A sketch: a fast, differentiable approximation of a task's engine.

A sketch plays short windows of a patch's note at a fraction of the cost of a render. The search
descends on it by gradients (:mod:`unsynth.search.downhill`), and a model can train on as many
sketched sounds as it needs.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.audio.window_levels import NoteWindows
from unsynth.audio.windows import LONG, SHORT, window_starts
from unsynth.conventions import SECONDS
from unsynth.synths.base import Note
from unsynth.tasks.task import Task

#: Takes slopes of a loss with respect to windows back to the ``fitted`` values.
Slopes = Callable[
    [Float32[np.ndarray, "items windows samples"]], Float32[np.ndarray, "items fitted"]
]


@runtime_checkable
class Windows(Protocol):
    """Windows of patches' notes."""

    #: Factor from a window's samples to the engine's.
    gain: float

    def __call__(
        self,
        values: Float[torch.Tensor, "items fitted"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples, on the device of ``values``.

        ``values`` replace the patches' values at the ``fitted`` positions.
        """
        ...

    def play_with_slopes(
        self,
        values: Float32[np.ndarray, "items fitted"],
        starts: Int[np.ndarray, " windows"],
    ) -> tuple[Float32[np.ndarray, "items windows samples"], Slopes]:
        """Play windows on a CPU; return them, and the function that takes slopes to the values.

        Up to rounding, an item's windows and slopes do not depend on the other items.
        """
        ...

    def part(self, items: slice) -> "Windows":
        """Return the windows of some of the patches."""
        ...


@runtime_checkable
class Sketch(Protocol):
    """A sketch of one task's engine."""

    @property
    def task(self) -> Task:
        """The task whose patches it plays."""
        ...

    #: Whether a render of the engine costs as much as hundreds of steps of a descent. The search
    #: then renders fewer patches, and the sketch shares a step's work among torch's threads.
    dear_renders: bool
    #: Positions of parameters that shape a window, but have no gradients.
    structure: Int[np.ndarray, " positions"]
    #: Positions of parameters that have gradients.
    fitted: Int[np.ndarray, " positions"]

    def windows(
        self,
        patches: Sequence[Float[np.ndarray, " parameters"]],
        samples: int,
        device: str = "cpu",
    ) -> Windows:
        """Prepare windows of ``samples`` samples of these patches' notes on a device.

        Raises :class:`~unsynth.errors.EngineError` where the sketch cannot run on this machine.
        """
        ...


@torch.no_grad()
def cut_notes(
    sketch: Sketch,
    patches: Sequence[Float[np.ndarray, " parameters"]],
    device: str = "cpu",
) -> NoteWindows:
    """Play the windows of notes that a model observes (:mod:`unsynth.audio.windows`).

    Windows are silent past the end of the sound, as in a render.

    Raises as :meth:`Sketch.windows` does.
    """
    task = sketch.task
    rate = task.sample_rate
    notes = [task.note(patch) for patch in patches]
    at_zero = [
        task.with_note(patch, Note(note.pitch, 0.0, note.duration))
        for patch, note in zip(patches, notes, strict=True)
    ]
    onsets = torch.tensor([round(note.onset * rate) for note in notes], device=device)

    def play(starts: Int[np.ndarray, " windows"], samples: int) -> torch.Tensor:
        windows = sketch.windows(at_zero, samples, device)
        values = torch.tensor(np.stack(at_zero)[:, sketch.fitted], dtype=torch.float32)
        first = torch.from_numpy(starts).to(device)
        sounds = windows.gain * windows(values.to(device), first)
        remaining = int(SECONDS * rate) - onsets[:, None] - first
        return sounds * (torch.arange(samples, device=device) < remaining[..., None])

    # Short windows that lie within a long one are cut from it; only the others are played.
    long, short = window_starts(rate)
    offsets = short[:, None] - long
    within = (offsets >= 0) & (offsets + SHORT <= LONG)
    longs, separate = play(long, LONG), ~within.any(axis=1)
    shorts = longs.new_empty((len(notes), len(short), SHORT))
    shorts[:, torch.from_numpy(separate).to(device)] = play(short[separate], SHORT)
    for frame, segment in np.argwhere(within):
        offset = offsets[frame, segment]
        shorts[:, frame] = longs[:, segment, offset : offset + SHORT]
    return NoteWindows(longs, shorts)
