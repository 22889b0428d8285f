"""Patches that a user gives a search to begin from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from unsynth.errors import PatchError
from unsynth.formats.syx import Voice, read_voices
from unsynth.matching.note import NoteEstimate
from unsynth.synths.base import Note
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.spec import NamedPatch, Patch
from unsynth.tasks.task import Task

#: The most patches that are tried, over all notes.
_MOST = 128


@dataclass(frozen=True)
class UserPatches:
    """Whole patches, each with a note of its own, and DX7 voices, which have none."""

    patches: tuple[Patch, ...] = ()
    voices: tuple[Voice, ...] = ()

    @classmethod
    def read(cls, start: str | Path | Sequence[NamedPatch], task: Task) -> "UserPatches":
        """Take patches by name, or read a ``patch.json`` of ours, a ``.vital`` or a ``.syx`` file.

        Raises :class:`PatchError` for anything else, and for patches of another task.
        """
        if not isinstance(start, str | Path):
            return cls(tuple(task.spec.from_named(patch) for patch in start))
        path = Path(start)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise PatchError(f"{path}: cannot be read ({error.strerror})") from None
        try:
            if path.suffix.lower() == ".syx":
                return cls(voices=_voices(data, task))
            if path.suffix.lower() == ".vital":
                return cls((_vital(data, task),))
            return cls(_patches(data, task))
        except PatchError as error:
            raise PatchError(f"{path}: {error}") from None

    def on_notes(self, task: Task, note: NoteEstimate) -> list[Patch]:
        """Return the patches as they are, then all of them on the possible notes of a sound.

        Raises :class:`PatchError` where the task can play none of the voices.
        """
        notes = [
            Note(int(pitch), note.onset, duration)
            for duration, pitch in product(note.durations, note.pitches)
        ]
        each = max(1, _MOST // max(1, len(self.patches) + len(self.voices)))
        notes = notes[:: -(-len(notes) // each)]
        moved = [task.with_note(patch, note) for patch in self.patches for note in notes]
        folded = _folded(task, self.voices, notes) if self.voices else ()
        return [*self.patches, *moved, *folded]


def _voices(data: bytes, task: Task) -> tuple[Voice, ...]:
    if not isinstance(task, DX7Task):
        raise PatchError(f"holds DX7 voices, and the task is {task.name}; give a patch.json of it")
    return tuple(read_voices(data))


def _vital(data: bytes, task: Task) -> Patch:
    if not isinstance(task, DeclaredTask):
        raise PatchError(f"holds a patch of Vital, and the task is {task.name}; give a .syx file")
    return task.from_file(data, Note(60))


def _patches(data: bytes, task: Task) -> tuple[Patch, ...]:
    wrong = "is no patch.json that unsynth wrote, and no .syx or .vital file"
    try:
        content: Any = json.loads(data)
        written_for, candidates = content["task"], content["candidates"]
        named = [candidate["parameters"] for candidate in candidates]
    except (ValueError, KeyError, TypeError):
        raise PatchError(wrong) from None
    if written_for != task.name:
        raise PatchError(
            f"holds patches of {written_for}, not of {task.name}; choose --synth {written_for}"
        )
    if not named:
        raise PatchError(wrong)
    try:
        return tuple(task.spec.from_named(each) for each in named)
    except (TypeError, AttributeError):
        raise PatchError(wrong) from None


def _folded(task: Task, voices: Sequence[Voice], notes: Sequence[Note]) -> Iterator[Patch]:
    """Read voices as they sound on each note."""
    assert isinstance(task, DX7Task)
    reason, playable = "", False
    for voice, note in product(voices, notes):
        try:
            yield task.from_voice(voice, note)
            playable = True
        except PatchError as error:
            reason = str(error)
    if not playable:
        raise PatchError(reason)
