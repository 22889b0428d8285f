"""Patches of a user that a search starts from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from pathlib import Path
from typing import Any

from unsynth.documents import DocumentError, parse_json, read_bytes, shown
from unsynth.errors import PatchError
from unsynth.formats import vital_bank
from unsynth.formats.syx import SyxFile, Voice, read_syx, transposition
from unsynth.matching.note import NoteEstimate, pitches
from unsynth.synths.base import Note
from unsynth.tasks.declared.task import DeclaredTask, first_of
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.locks import Locks
from unsynth.tasks.spec import NamedPatch, Patch
from unsynth.tasks.task import Task

#: Ends of names of files with DX7 voices.
_BANKS = (".syx", ".mid", ".midi")
#: Ends of names of files of Vital and Surge XT.
_SYNTH_FILES = (".vital", ".fxp", ".vstpreset")
#: The most voices to try, over all notes: a bank of 32 on each possible key.
_MAX_VOICES = 384
#: The same for patches: those of most engines take ten times as long to render as a voice.
_MAX_PATCHES = 128
#: Semitones from the pitch of a sound to the keys that may have been played, likely ones first.
_OCTAVES = (0, 12, -12, 24, -24)

#: The most patches or voices in a file; unsynth itself writes up to 32.
_MAX_CANDIDATES = 500


@dataclass(frozen=True)
class UserPatches:
    """A user's patches, and DX7 voices, which have no note.

    ``have_notes`` says whether the notes of the patches mean anything: files of Vital and Surge XT
    have none. ``remarks`` say what of a file was damaged or cannot be held.
    """

    patches: tuple[Patch, ...] = ()
    voices: tuple[Voice, ...] = ()
    remarks: tuple[str, ...] = ()
    have_notes: bool = True

    @classmethod
    def read(cls, start: str | Path | Sequence[NamedPatch], task: Task) -> "UserPatches":
        """Read named patches, a ``patch.json``, DX7 voices, or files of Vital or Surge XT.

        If the task cannot hold all of such a file, the rest is left out. Raises
        :class:`PatchError` for any other file, and for patches of another task.
        """
        if not isinstance(start, str | Path):
            return cls(tuple(task.spec.from_named(patch) for patch in start))
        path = Path(start)
        if path.suffix.lower() == vital_bank.SUFFIX:
            return cls._read_vital_bank(path, task)
        try:
            data = read_bytes(path)
        except OSError as error:
            raise PatchError(f"{path}: cannot be read ({error.strerror})") from None
        except DocumentError as error:
            raise PatchError(f"{path}: cannot be read ({error})") from None
        try:
            if path.suffix.lower() in _BANKS:
                bank = _read_bank(data, task)
                remarks = tuple(f"{path.name}: {remark}" for remark in bank.remarks)
                return cls(voices=bank.voices, remarks=remarks)
            if path.suffix.lower() in _SYNTH_FILES:
                patch, differences = _read_synth_file(data, task)
                lost = f"{path.name}: {task.name} cannot hold all of it: {first_of(differences)}"
                return cls((patch,), remarks=(lost,) if differences else (), have_notes=False)
            return cls(_read_patch_json(data, task))
        except PatchError as error:
            raise PatchError(f"{path}: {error}") from None

    @classmethod
    def _read_vital_bank(cls, path: Path, task: Task) -> "UserPatches":
        patches: list[Patch] = []
        unread: list[str] = []
        lossy: list[str] = []
        try:
            presets = vital_bank.read_vital_bank(path)
            _check_count(len(presets), "presets")
        except PatchError as error:
            raise PatchError(f"{path}: {error}") from None
        for name, data in presets:
            try:
                patch, differences = _read_synth_file(data, task)
            except PatchError as error:
                unread.append(f"{name}: {error}")
                continue
            patches.append(patch)
            if differences:
                lossy.append(f"{name}: {first_of(differences)}")
        if not patches:
            raise PatchError(f"{path}: {unread[0]}")
        remarks = []
        for reasons, what in [
            (unread, "cannot be played"),
            (lossy, f"have more than {task.name} can hold"),
        ]:
            if reasons:
                count = f"{len(reasons)} of {len(presets)} presets"
                remarks.append(f"{path.name}: {count} {what}; the first: {reasons[0]}")
        return cls(tuple(patches), remarks=tuple(remarks), have_notes=False)

    def on_notes(self, task: Task, note: NoteEstimate, locks: Locks) -> list[Patch]:
        """Return the patches on their own notes, then all on the possible keys of a sound.

        All patches come on the likeliest key first. A patch may sound octaves away from its key, so
        keys one and two octaves from a clear pitch are possible too; a locked key is the only one.
        Raises :class:`PatchError` if the task can play none of the voices.
        """
        notes = _notes(note, 0, locks, max(1, _MAX_PATCHES // max(1, len(self.patches))))
        allowed = pitches(task)
        on_keys = [
            task.with_note(patch, key)
            for key in notes
            for patch in self.patches
            if key.pitch in allowed or "note.pitch" in locks.values
        ]
        most = max(1, _MAX_VOICES // max(1, len(self.voices)))
        voices = _play_voices(task, self.voices, note, locks, most) if self.voices else ()
        own_notes = self.patches if self.have_notes or not on_keys else ()
        return [*own_notes, *on_keys, *voices]


def _notes(note: NoteEstimate, transposition: int, locks: Locks, most: int) -> list[Note]:
    """List the notes on which a transposed patch may have been played, the likely ones first."""
    keys = [int(pitch) for pitch in note.pitches]
    is_clear = len(keys) == 1
    if "note.pitch" not in locks.values:
        octaves = _OCTAVES if is_clear else (0,)
        keys = [key - transposition + octave for octave in octaves for key in keys]
    notes = [
        Note(key, note.onset, duration)
        for key, duration in product(keys, note.durations)
        if 0 <= key <= 127
    ]
    # Without a clear pitch all keys are as likely.
    return notes[:most] if is_clear else notes[:: -(-len(notes) // most)]


def _read_bank(data: bytes, task: Task) -> SyxFile:
    if not isinstance(task, DX7Task):
        raise PatchError(f"holds DX7 voices, but the task is {task.name}; give a patch.json of it")
    bank = read_syx(data)
    _check_count(len(bank.voices), "voices")
    return bank


def _check_count(count: int, what: str) -> None:
    if count > _MAX_CANDIDATES:
        raise PatchError(f"holds {count:,} {what}; give at most {_MAX_CANDIDATES}")


def _read_synth_file(data: bytes, task: Task) -> tuple[Patch, Sequence[str]]:
    if not isinstance(task, DeclaredTask):
        raise PatchError(f"holds no patch of {task.name}; give a .syx file, or another --synth")
    return task.nearest_to_file(data, Note(60))


def _read_patch_json(data: bytes, task: Task) -> tuple[Patch, ...]:
    message = (
        "is not a patch.json that unsynth wrote, nor a .syx, .mid, .vital, .vitalbank, "
        ".fxp or .vstpreset file"
    )
    try:
        content: Any = parse_json(data)
        name, candidates = content["task"], content["candidates"]
        named = [candidate["parameters"] for candidate in candidates]
    except (ValueError, KeyError, TypeError):
        raise PatchError(message) from None
    if name != task.name:
        raise PatchError(
            f"holds patches of {shown(name)}, not of {task.name}; choose that task with --synth"
        )
    if not named:
        raise PatchError(message)
    _check_count(len(named), "patches")
    try:
        return tuple(task.spec.from_named(patch) for patch in named)
    except (TypeError, AttributeError):
        raise PatchError(message) from None


def _play_voices(
    task: Task, voices: Sequence[Voice], estimate: NoteEstimate, locks: Locks, most: int
) -> Iterator[Patch]:
    """Turn voices into the patches that sound like them: all on their likeliest key, and so on."""
    assert isinstance(task, DX7Task)
    reason, playable = "", False
    notes = [_notes(estimate, transposition(voice), locks, most) for voice in voices]
    for notes_of_rank in zip_longest(*notes):
        for voice, note in zip(voices, notes_of_rank, strict=True):
            if note is None:
                continue
            try:
                yield task.from_voice(voice, note, keep_pitch="note.pitch" in locks.values)
                playable = True
            except PatchError as error:
                reason = str(error)
    if not playable:
        raise PatchError(reason)
