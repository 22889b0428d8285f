"""What a sound file says of its note: sampler data in a WAV or AIFF file, and the file's name.

A WAV file's ``smpl`` chunk has the root note and loops, and its ``inst`` chunk the root note
(Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991, and its
"New Multimedia Data Types", 1994). An AIFF file's ``INST`` chunk has the root note (Apple, "Audio
Interchange File Format", 1989).

Names of notes are in two octaves: middle C is C4 for some makers and C3 for others.
"""

import io
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from unsynth.audio.chunks import Chunk, read_chunks

#: Bytes of a smpl chunk before its loops, and of a loop.
_SMPL, _LOOP = 36, 24
#: Semitones from C of the seven letters.
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "s": 1, "b": -1, "♭": -1}
#: A note such as C3, F#-1 or Bb2 between other words of a name, and a MIDI number such as 060 or
#: "note 60". Other numbers count takes, tempi or velocities.
_NAMED = re.compile(r"(?<![A-Za-z0-9#])([A-Ga-g])([#♯sb♭]?)(-?[0-9])(?![A-Za-z0-9#])")
_NUMBERED = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:midi|note|key|root)[ _-]?([0-9]{1,3})|(0[0-9]{2}))(?![A-Za-z0-9])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SamplerData:
    """A file's root note, and the first and the last sample of a loop that goes on for ever."""

    root: int | None = None
    loop: tuple[int, int] | None = None


@dataclass(frozen=True)
class DeclaredNote:
    """The MIDI ``pitches`` that a file may mean, and its words for them.

    There are two if it names a note: middle C may be C3 or C4.
    """

    pitches: tuple[int, ...]
    words: str


def read_sampler_data(path: Path) -> SamplerData:
    """Read the sampler data of a sound file; there is none in most of them.

    Of several loops the first that goes on for ever counts, as a sampler plays it.
    """
    root: int | None = None
    loop: tuple[int, int] | None = None
    with path.open("rb") as file:
        for chunk in read_chunks(file, path.stat().st_size):
            match chunk.name:
                case b"smpl":
                    data = _content(file, chunk)
                    if len(data) >= _SMPL:
                        root, loop = _root(struct.unpack_from("<I", data, 12)[0]), _loop(data)
                case b"inst" | b"INST" if root is None:
                    data = _content(file, chunk)
                    root = _root(data[0]) if data else None
    return SamplerData(root, loop)


def declared_note(path: Path) -> DeclaredNote | None:
    """Return the note that a file's sampler data or else its name says, if one of them does."""
    root = read_sampler_data(path).root
    if root is not None:
        return DeclaredNote((root,), f"note {root} (in its sampler data)")
    name = path.stem
    if (numbered := _NUMBERED.search(name)) is not None:
        pitch = int(numbered[1] or numbered[2])
        return DeclaredNote((pitch,), f"note {pitch} (in its name)") if 0 < pitch < 128 else None
    notes = {match.groups() for match in _NAMED.finditer(name)}
    if len(notes) != 1:  # none, or the keys of a range
        return None
    letter, accidental, octave = notes.pop()
    above = 12 * int(octave) + _LETTERS[letter.upper()] + _ACCIDENTALS[accidental]
    pitches = tuple(p for p in (above + 12, above + 24) if 0 <= p < 128)
    words = f"{letter.upper()}{accidental}{octave} (in its name)"
    return DeclaredNote(pitches, words) if pitches else None


def _content(file: io.BufferedReader, chunk: Chunk) -> bytes:
    file.seek(chunk.start)
    return file.read(min(chunk.length, _SMPL + 16 * _LOOP))


def _root(note: int) -> int | None:
    """Return a root note, or ``None`` for the 0 of programs that do not know it."""
    return note if 0 < note < 128 else None


def _loop(smpl: bytes) -> tuple[int, int] | None:
    count = min(struct.unpack_from("<I", smpl, 28)[0], (len(smpl) - _SMPL) // _LOOP)
    for number in range(count):
        _, kind, first, last, _, times = struct.unpack_from("<6I", smpl, _SMPL + number * _LOOP)
        if kind == 0 and times == 0 and first < last:  # forward, for ever
            return first, last
    return None
