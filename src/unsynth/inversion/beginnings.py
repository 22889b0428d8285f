"""What is tried before the search: samples, the nearest draws, other durations, given patches."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from unsynth.errors import PatchError
from unsynth.formats.syx import Voice, read_voices
from unsynth.inversion.candidates import Candidate, Proposal, Target
from unsynth.inversion.hearing import SHORTEST, HeardNote
from unsynth.inversion.locks import hold
from unsynth.inversion.posterior import Posterior
from unsynth.inversion.proposals import HELD, DrawIndex
from unsynth.synths.base import Note
from unsynth.tasks.declared import DeclaredTask
from unsynth.tasks.dx7 import DX7Task
from unsynth.tasks.task import Task

#: Where proposals come from, as candidates and reports name it.
POSTERIOR, INDEX, GIVEN = "posterior", "index", "given"
#: Durations that are tried: some in seconds, and some as multiples of the one that is heard.
_SHORT_DURATIONS = (0.08, 0.25)
_STRETCHES = (0.75, 0.9, 1.0, 1.1, 1.35)
#: A user's patches are tried on so many notes, in all.
_MOST_GIVEN = 128

Patch = Float[np.ndarray, " parameters"]


def sampled(
    posterior: Posterior,
    target: Target,
    heard: HeardNote,
    locked: Mapping[str, float],
    count: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Sample the posterior at the onset and pitch that are heard; durations are its own."""
    fixed = heard.fixed | dict(locked)
    return [(patch, POSTERIOR) for patch in posterior.sample(target.audio, count, rng, fixed=fixed)]


def nearest(
    index: DrawIndex, target: Target, heard: HeardNote, locked: Mapping[str, float], count: int
) -> list[Proposal]:
    """Propose draws for each reading of a sound, the nearest of each first."""
    each = -(-count // len(heard.durations))
    readings = [
        index.nearest(target.audio, target.sample_rate, heard.onset, duration, heard.pitches, each)
        for duration in heard.durations
    ]
    spec = index.task.spec
    ordered = (patch for patches in zip(*readings, strict=True) for patch in patches)
    return [(hold(spec, patch, locked), INDEX) for patch in ordered][:count]


def retimed(
    task: Task, ranked: Sequence[Candidate], end: float, locked: Mapping[str, float]
) -> list[Proposal]:
    """Propose candidates with other durations of the note, unless that is locked."""
    if "note.duration" in locked:
        return []
    stretched = (max(SHORTEST, round(end * stretch, 3)) for stretch in _STRETCHES)
    durations = {*_SHORT_DURATIONS, *stretched, HELD}
    proposals = []
    for candidate in ranked:
        note = task.note(candidate.patch)
        for duration in sorted(durations - {note.duration}):
            moved = task.with_note(candidate.patch, Note(note.pitch, note.onset, duration))
            proposals.append((moved, candidate.origin))
    return proposals


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
