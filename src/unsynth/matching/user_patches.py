"""Patches of a user that a search starts from."""

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

#: The most patches to try, over all notes.
_MAX_PATCHES = 128


@dataclass(frozen=True)
class UserPatches:
    """A user's patches, each with its own note, and DX7 voices, which have no note."""

    patches: tuple[Patch, ...] = ()
    voices: tuple[Voice, ...] = ()

    @classmethod
    def read(cls, start: str | Path | Sequence[NamedPatch], task: Task) -> "UserPatches":
        """Read named patches, or a ``patch.json`` of unsynth, a ``.vital`` or a ``.syx`` file.

        Raises :class:`PatchError` for any other file, and for patches of another task.
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
                return cls(voices=_read_bank(data, task))
            if path.suffix.lower() == ".vital":
                return cls((_read_vital(data, task),))
            return cls(_read_patch_json(data, task))
        except PatchError as error:
            raise PatchError(f"{path}: {error}") from None

    def on_notes(self, task: Task, note: NoteEstimate) -> list[Patch]:
        """Return the patches unchanged, then all patches on the possible notes of a sound.

        Raises :class:`PatchError` if the task can play none of the voices.
        """
        notes = [
            Note(int(pitch), note.onset, duration)
            for duration, pitch in product(note.durations, note.pitches)
        ]
        notes_each = max(1, _MAX_PATCHES // max(1, len(self.patches) + len(self.voices)))
        notes = notes[:: -(-len(notes) // notes_each)]
        on_notes = [task.with_note(patch, note) for patch in self.patches for note in notes]
        voices = _play_voices(task, self.voices, notes) if self.voices else ()
        return [*self.patches, *on_notes, *voices]


def _read_bank(data: bytes, task: Task) -> tuple[Voice, ...]:
    if not isinstance(task, DX7Task):
        raise PatchError(f"holds DX7 voices, but the task is {task.name}; give a patch.json of it")
    return tuple(read_voices(data))


def _read_vital(data: bytes, task: Task) -> Patch:
    if not isinstance(task, DeclaredTask):
        raise PatchError(f"holds a patch of Vital, but the task is {task.name}; give a .syx file")
    return task.from_file(data, Note(60))


def _read_patch_json(data: bytes, task: Task) -> tuple[Patch, ...]:
    message = "is not a patch.json that unsynth wrote, nor a .syx or .vital file"
    try:
        content: Any = json.loads(data)
        name, candidates = content["task"], content["candidates"]
        named = [candidate["parameters"] for candidate in candidates]
    except (ValueError, KeyError, TypeError):
        raise PatchError(message) from None
    if name != task.name:
        raise PatchError(f"holds patches of {name}, not of {task.name}; choose --synth {name}")
    if not named:
        raise PatchError(message)
    try:
        return tuple(task.spec.from_named(patch) for patch in named)
    except (TypeError, AttributeError):
        raise PatchError(message) from None


def _play_voices(task: Task, voices: Sequence[Voice], notes: Sequence[Note]) -> Iterator[Patch]:
    """Turn each voice into the patch that sounds like it, for each note."""
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
