"""Make the target of a match from a file or from samples."""

from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from unsynth.audio.files import fit_sound, read_sound
from unsynth.audio.sampler_data import DeclaredNote, declared_note
from unsynth.conventions import SECONDS
from unsynth.documents import printable
from unsynth.search.candidates import Target
from unsynth.tasks.parameter import Continuous
from unsynth.tasks.task import Task


def read_target(path: Path, task: Task) -> Target:
    """Read a sound file and fit it to a task's engine; see :func:`read_sound`."""
    audio, remarks = read_sound(
        path, task.sample_rate, task.channels, SECONDS, _latest_onset(task), clean=True
    )
    declared = declared_note(path)
    return Target(printable(path.name), audio, task.sample_rate, remarks, declared)


def fit_target(
    name: str,
    audio: Shaped[np.ndarray, "channels samples"],
    rate: int,
    task: Task,
    declared: DeclaredNote | None = None,
) -> Target:
    """Fit samples to a task's engine; see :func:`fit_sound`. ``declared`` is the note they are."""
    sound, remarks = fit_sound(
        audio, rate, task.sample_rate, task.channels, SECONDS, _latest_onset(task), clean=True
    )
    return Target(printable(name), sound, task.sample_rate, remarks, declared)


def _latest_onset(task: Task) -> float:
    onset = task.spec.parameters[task.spec.position["note.onset"]]
    assert isinstance(onset, Continuous)
    return onset.high
