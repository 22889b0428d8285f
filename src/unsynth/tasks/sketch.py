"""Sketches of engines: a few windows of a patch's note for a fraction of what a render costs.

A task whose engine is known well enough may offer ``windows``. A search goes downhill on them
(:mod:`unsynth.inversion.descent`), and a model can be trained on as many sounds as is wanted.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int

from unsynth.audio.windows import LONG, SHORT, beginnings
from unsynth.conventions import SECONDS
from unsynth.synths.base import Note
from unsynth.tasks.task import Task


@runtime_checkable
class Windows(Protocol):
    """Windows of some patches' notes; differentiable in the parameters at ``positions``."""

    positions: Int[np.ndarray, " positions"]
    #: What the engine makes of a sample of 1.
    gain: float

    def __call__(
        self,
        values: Float[torch.Tensor, "items positions"],
        starts: Int[torch.Tensor, " windows"],
    ) -> Float[torch.Tensor, "items windows samples"]:
        """Play the windows that begin at these samples."""
        ...


@runtime_checkable
class Sketched(Protocol):
    """A task with a sketch of its engine, which depends on the parameters at ``sketched`` too."""

    sketched: Int[np.ndarray, " parameters"]

    def windows(self, patches: Sequence[Float[np.ndarray, " parameters"]], samples: int) -> Windows:
        """Sketch windows of ``samples`` of these patches' notes."""
        ...


@runtime_checkable
class SketchedTask(Task, Sketched, Protocol):
    """Both."""


@torch.no_grad()
def sketch(
    task: SketchedTask, patches: Sequence[Float[np.ndarray, " parameters"]]
) -> Float32[np.ndarray, "items samples"]:
    """Play the windows that are observed of some notes (:mod:`unsynth.audio.windows`).

    Between them all is silent. Raises as ``task.windows`` does.
    """
    rate = task.sample_rate
    sounds = np.zeros((len(patches), int(SECONDS * rate)), dtype=np.float32)
    notes = [task.note(patch) for patch in patches]
    begun = [
        task.with_note(patch, Note(note.pitch, 0.0, note.duration))
        for patch, note in zip(patches, notes, strict=True)
    ]
    long, short = beginnings(rate)
    within = (short[:, None] >= long) & (short[:, None] + SHORT <= long + LONG)
    for starts, samples in ((short[~within.any(axis=1)], SHORT), (long, LONG)):
        windows = task.windows(begun, samples)
        values = torch.tensor(np.stack(begun)[:, windows.positions], dtype=torch.float32)
        played = windows.gain * windows(values, torch.from_numpy(starts)).numpy()
        for sound, note, each in zip(sounds, notes, played, strict=True):
            for start, window in zip(starts + round(note.onset * rate), each, strict=True):
                sound[start : start + samples] = window[: max(0, len(sound) - start)]
    return sounds
