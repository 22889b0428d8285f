"""The note in a patch: in every task, the last three parameters."""

from typing import Any

import numpy as np
from jaxtyping import Float

from unsynth.conventions import SECONDS
from unsynth.synths.base import Note, note_name

#: Names of a patch's last parameters, in order.
NOTE = ("note.pitch", "note.onset", "note.duration")


def read_note(patch: Float[np.ndarray, " parameters"]) -> Note:
    """Read the note out of a patch; the velocity is always 100."""
    pitch, onset, duration = patch[-len(NOTE) :]
    return Note(int(pitch), float(onset), float(duration))


def replace_note(
    patch: Float[np.ndarray, " parameters"], note: Note
) -> Float[np.ndarray, " parameters"]:
    """Copy a patch with another note."""
    moved = patch.copy()
    moved[-len(NOTE) :] = note.pitch, note.onset, note.duration
    return moved


def ends_within_sound(note: Note) -> bool:
    """Say whether the note is released before the sound ends."""
    return note.onset + note.duration < SECONDS


def describe_note(note: Note) -> dict[str, Any]:
    """Describe a note, ready for JSON."""
    return {
        "pitch": note.pitch,
        "name": note_name(note.pitch),
        "onset_s": note.onset,
        "duration_s": note.duration,
        "velocity": note.velocity,
    }
