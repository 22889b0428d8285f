"""Sets of recorded sounds, in the layouts they are published in; nothing is downloaded.

- folders of sounds; if all names end in a MIDI note, as in ``piano_63.flac``, it is the pitch
- the test set of NSynth (J. Engel et al., "Neural Audio Synthesis of Musical Notes with WaveNet
  Autoencoders", ICML 2017): ``nsynth-test/examples.json`` and ``nsynth-test/audio/NAME.wav``
- the evaluation set of FSD50K (E. Fonseca et al., "FSD50K: an Open Dataset of Human-Labeled Sound
  Events", TASLP 2022): ``FSD50K.ground_truth/eval.csv`` and ``FSD50K.eval_audio/FNAME.wav``
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from unsynth.audio.files import COMMON_SUFFIXES, SOUND_SUFFIXES
from unsynth.documents import read_json, shown
from unsynth.errors import SoundError
from unsynth.files import hash_file, visible_entries

#: Notes in the published test set of NSynth.
_NSYNTH_NOTES = 4_096
#: Clips in the published evaluation set of FSD50K.
_FSD50K_CLIPS = 10_231
#: A pitch at the end of a file's name.
_PITCH_AT_END = re.compile(r"_(\d{2,3})$")
#: A name in the table of a published set: no path, no hidden file.
_LISTED_NAME = re.compile(r"\w[\w .+-]{0,199}", re.ASCII)
#: The MIDI notes of a piano; other numbers at the end of a name are not taken to be pitches.
_PIANO = range(21, 109)


class DatasetError(SoundError):
    """A set of sounds that is missing, incomplete, damaged or not the expected one."""


@dataclass(frozen=True)
class SoundFile:
    """A sound's name in the set, its path, and its MIDI pitch if the set states it."""

    name: str
    path: Path
    pitch: int | None = None


@dataclass(frozen=True)
class SoundSet:
    """Sounds in a fixed order. ``remark`` says how this copy differs from the published set."""

    name: str
    files: tuple[SoundFile, ...]
    remark: str = ""

    def content_sha256(self) -> str:
        """Hash the names and contents of all files: equal for equal copies of a set.

        Returns the first 16 digits. Raises :class:`DatasetError` for a file that cannot be read.
        """
        digest = hashlib.sha256()
        for file in self.files:
            try:
                digest.update(
                    f"{file.name} {hash_file(file.path)}\n".encode(errors="surrogatepass")
                )
            except OSError as error:
                raise DatasetError(f"{file.path}: cannot be read ({error.strerror})") from None
        return digest.hexdigest()[:16]


def sound_files(paths: list[Path]) -> SoundSet:
    """List sounds: single files in the given order, the files of a folder in order of their names.

    Raises :class:`DatasetError` for a path that does not exist or a folder without sounds.
    """
    files: list[SoundFile] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in visible_entries(path, SOUND_SUFFIXES) if p.is_file()]
            if not inside:
                raise DatasetError(
                    f"{path}: no sounds in this folder ({', '.join(COMMON_SUFFIXES)})"
                )
        elif path.exists():
            inside = [path]
        else:
            raise DatasetError(f"{path}: there is no such file or folder")
        files += [SoundFile(p.name, p, _pitch_at_end(p.stem)) for p in inside]
    if any(file.pitch is None for file in files):  # the other numbers are then no pitches either
        files = [SoundFile(file.name, file.path) for file in files]
    return SoundSet("sounds", tuple(files))


def nsynth_test(folder: Path) -> SoundSet:
    """List the notes of NSynth's test set, in order of their names.

    ``folder`` is the unpacked ``nsynth-test`` or its parent. Raises :class:`DatasetError` if it
    is not there, or if a note that it lists is missing.
    """
    root = folder / "nsynth-test" if (folder / "nsynth-test").is_dir() else folder
    table = root / "examples.json"
    if not table.is_file() or not (root / "audio").is_dir():
        raise DatasetError(
            f"{folder}: NSynth's test set is not here (nsynth-test/examples.json and "
            "nsynth-test/audio); get nsynth-test.jsonwav.tar.gz from "
            "magenta.tensorflow.org/datasets/nsynth and unpack it there"
        )
    try:
        notes = read_json(table)
    except (ValueError, OSError) as error:
        raise DatasetError(f"{table} is not NSynth's table of notes ({error})") from None
    if not isinstance(notes, dict):
        raise DatasetError(f"{table} is not NSynth's table of notes: it holds no mapping")
    files = []
    for name, note in sorted(notes.items()):
        pitch = note.get("pitch") if isinstance(note, dict) else None
        if type(pitch) is not int or not 0 <= pitch <= 127:
            raise DatasetError(
                f"{table}: {shown(name)} has pitch {shown(pitch)}, which is no MIDI note; "
                "unpack the archive again"
            )
        files.append(SoundFile(name, _listed(root / "audio", name, table), pitch))
    return _complete("nsynth", files, _NSYNTH_NOTES, table)


def fsd50k_eval(folder: Path) -> SoundSet:
    """List the clips of FSD50K's evaluation set, in the order of its table.

    ``folder`` holds ``FSD50K.eval_audio`` and ``FSD50K.ground_truth``. Raises
    :class:`DatasetError` if they are not there, or if a clip that the table lists is missing.
    """
    table = folder / "FSD50K.ground_truth" / "eval.csv"
    audio = folder / "FSD50K.eval_audio"
    if not table.is_file() or not audio.is_dir():
        raise DatasetError(
            f"{folder}: FSD50K's evaluation set is not here (FSD50K.ground_truth/eval.csv and "
            "FSD50K.eval_audio); get FSD50K.eval_audio.zip and .z01 and FSD50K.ground_truth.zip "
            "from zenodo.org/records/4060432 and unpack them there"
        )
    try:
        with table.open(encoding="utf-8", newline="") as file:
            names = [row["fname"] for row in csv.DictReader(file)]
    except (KeyError, ValueError, csv.Error, OSError) as error:
        raise DatasetError(f"{table} is not FSD50K's table of clips ({shown(error)})") from None
    files = [SoundFile(name, _listed(audio, name, table)) for name in names]
    return _complete("fsd50k", files, _FSD50K_CLIPS, table)


def _listed(folder: Path, name: object, table: Path) -> Path:
    """Return the path of a sound that a table lists; it is in ``folder`` itself, nowhere else."""
    if not isinstance(name, str) or not _LISTED_NAME.fullmatch(name):
        raise DatasetError(
            f"{table}: {shown(name)} is not the name of a sound; unpack the archive again"
        )
    return folder / f"{name}.wav"


def _complete(name: str, files: list[SoundFile], published: int, table: Path) -> SoundSet:
    """Check that all files of a table are there; ``published`` is the original's number."""
    missing = [file.path for file in files if not file.path.is_file()]
    if missing:
        raise DatasetError(
            f"{missing[0]} is missing, with {len(missing) - 1} more of the {len(files)} sounds "
            f"that {table.name} lists; unpack the archive again"
        )
    if not files:
        raise DatasetError(f"{table}: lists no sounds; unpack the archive again")
    remark = "" if len(files) == published else f"{len(files)} of the {published} sounds published"
    return SoundSet(name, tuple(files), remark)


def _pitch_at_end(stem: str) -> int | None:
    match = _PITCH_AT_END.search(stem)
    return int(match[1]) if match and int(match[1]) in _PIANO else None
