"""Patches that a user gives a search to start from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from unsynth.errors import PatchError
from unsynth.formats.syx import Voice, read_voices
from unsynth.matching.hearing import HeardNote
from unsynth.matching.starts import GIVEN, Patch
from unsynth.search.candidates import Proposal
from unsynth.synths.base import Note
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.locks import hold
from unsynth.tasks.task import Task

#: A user's patches are tried on so many notes, in all.
_MOST_GIVEN = 128


@dataclass(frozen=True)
class Given:
    """Patches of a user's: whole ones with a note of their own, and DX7 voices, which have none."""

    patches: tuple[Patch, ...] = ()
    voices: tuple[Voice, ...] = ()

    def on(self, task: Task, heard: HeardNote, locked: Mapping[str, float]) -> list[Proposal]:
        """Propose them as they are, and on the notes that are heard.

        Raises :class:`PatchError` where the task cannot play any of the voices.
        """
        notes = [
            Note(int(pitch), heard.onset, duration)
            for duration, pitch in product(heard.durations, heard.pitches)
        ]
        each = max(1, _MOST_GIVEN // max(1, len(self.patches) + len(self.voices)))
        notes = notes[:: -(-len(notes) // each)]
        found = list(self.patches)
        found += [task.with_note(patch, note) for patch in self.patches for note in notes]
        if self.voices:
            found += list(_folded(task, self.voices, notes))
        return [(hold(task.spec, patch, locked), GIVEN) for patch in found]


def read_given(path: Path, task: Task) -> Given:
    """Read patches from a ``patch.json`` of ours, a ``.vital`` file, or DX7 voices from a ``.syx``.

    Raises :class:`PatchError` for a file that is none of them, or of another task.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PatchError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        if path.suffix.lower() == ".syx":
            return Given(voices=_voices(data, task))
        if path.suffix.lower() == ".vital":
            return Given(patches=(_vital(data, task),))
        return Given(patches=_patches(data, task))
    except PatchError as error:
        raise PatchError(f"{path}: {error}") from None


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
        theirs, candidates = content["task"], content["candidates"]
        named = [candidate["parameters"] for candidate in candidates]
    except (ValueError, KeyError, TypeError):
        raise PatchError(wrong) from None
    if theirs != task.name:
        raise PatchError(f"holds patches of {theirs}, not of {task.name}; choose --synth {theirs}")
    if not named:
        raise PatchError(wrong)
    try:
        return tuple(task.spec.from_named(each) for each in named)
    except (TypeError, AttributeError):
        raise PatchError(wrong) from None


def _folded(task: Task, voices: Sequence[Voice], notes: Sequence[Note]) -> Iterator[Patch]:
    """Read voices as they sound on each note."""
    assert isinstance(task, DX7Task)
    reason, found = "", False
    for voice, note in product(voices, notes):
        try:
            yield task.from_voice(voice, note)
            found = True
        except PatchError as error:
            reason = str(error)
    if not found:
        raise PatchError(reason)
