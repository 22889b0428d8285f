"""The note that a sound file says it is (:mod:`unsynth.audio.sampler_data`)."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from unsynth.audio.files import read_sound
from unsynth.audio.sampler_data import DeclaredNote, declared_note, read_sampler_data
from unsynth.matching.note import likely_pitches
from unsynth.matching.targets import read_target

RATE = 44_100


def tone(hz: float, seconds: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def smpl(root: int, *loops: tuple[int, int, int, int]) -> bytes:
    """Write a smpl chunk; a loop is its kind, first and last sample, and number of repetitions."""
    content = struct.pack("<9I", 0, 0, 22_676, root, 0, 0, 0, len(loops), 0)
    for kind, first, last, times in loops:
        content += struct.pack("<6I", 0, kind, first, last, 0, times)
    return b"smpl" + struct.pack("<I", len(content)) + content


def inst(root: int) -> bytes:
    return b"inst" + struct.pack("<I7B", 7, root, 0, 0, 0, 127, 1, 127) + b"\0"


def wav(path: Path, audio: np.ndarray, *chunks: bytes, first: bool = False) -> Path:
    """Write a WAV file with more chunks after its samples, or before them."""
    soundfile.write(path, audio, RATE, subtype="PCM_16")
    data, more = path.read_bytes(), b"".join(chunks)
    at = data.index(b"data") if first else len(data)
    data = data[:at] + more + data[at:]
    path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    return path


@pytest.mark.parametrize("first", [False, True])
def test_root_and_loop_of_a_wav_file(tmp_path, first):
    once, for_ever = (0, 100, 200, 3), (0, 4_410, 8_819, 0)
    file = wav(
        tmp_path / "a.wav", tone(220, 0.3), smpl(57, (1, 5, 9, 0), once, for_ever), first=first
    )
    data = read_sampler_data(file)
    assert data.root == 57 and data.loop == for_ever[1:3]
    assert declared_note(file) == DeclaredNote((57,), "note 57 (in its sampler data)")


def test_root_of_an_inst_chunk_counts_without_a_smpl_chunk(tmp_path):
    assert read_sampler_data(wav(tmp_path / "a.wav", tone(220, 0.1), inst(45))).root == 45
    both = wav(tmp_path / "b.wav", tone(220, 0.1), smpl(50), inst(45))
    assert read_sampler_data(both).root == 50
    unknown = wav(tmp_path / "c.wav", tone(220, 0.1), smpl(0))
    assert read_sampler_data(unknown).root is None


def test_root_of_an_aiff_file(tmp_path):
    path = tmp_path / "a.aiff"
    soundfile.write(path, tone(220, 0.1), RATE)
    data = path.read_bytes() + b"INST" + struct.pack(">I", 20) + bytes([57]) + bytes(19)
    path.write_bytes(data[:4] + struct.pack(">I", len(data) - 8) + data[8:])
    assert read_sampler_data(path).root == 57


def test_damaged_sampler_data_are_left_alone(tmp_path):
    good = smpl(57, (0, 0, 9, 0))
    for number, length in enumerate((0, 7, 36)):
        cut = good[:4] + struct.pack("<I", length) + good[8 : 8 + length] + bytes(length % 2)
        assert read_sampler_data(wav(tmp_path / f"{number}.wav", tone(220, 0.1), cut)).loop is None
    many = bytearray(good)
    many[36:40] = b"\xff" * 4  # the number of loops
    assert read_sampler_data(wav(tmp_path / "many.wav", tone(220, 0.1), bytes(many))).loop == (0, 9)
    beyond = wav(tmp_path / "beyond.wav", tone(220, 0.2), smpl(57, (0, 10, 99_999, 0)))
    assert not any("loop" in remark for remark in read_sound(beyond, RATE, 1, 4.0, 1.0)[1])


@pytest.mark.parametrize(
    ("name", "pitches"),
    [
        ("Piano_C3.wav", (48, 60)),
        ("grand F#2 v3.flac", (42, 54)),
        ("strings-Bb-1.wav", (10, 22)),
        ("EP.e4.aif", (64, 76)),
        ("vibes_Cs5-soft.wav", (73, 85)),
        ("060-mallet.wav", (60,)),
        ("bell note 72.wav", (72,)),
        ("MIDI_45_bass.wav", (45,)),
        ("C3-G3 range.wav", ()),
        ("take 12.wav", ()),
        ("loop_120_bpm.wav", ()),
        ("Am7.wav", ()),
        ("MP3.wav", ()),
        ("B52s.wav", ()),
        ("note 200.wav", ()),
        ("C99.wav", ()),
    ],
)
def test_notes_in_names(tmp_path, name, pitches):
    path = tmp_path / name
    path.write_bytes(b"no sound is needed")
    note = declared_note(path)
    assert (note.pitches if note else ()) == pitches


@pytest.mark.parametrize(
    ("heard", "declared", "pitches", "remark"),
    [
        (60.2, None, (60,), ""),
        (None, None, (), ""),
        (110.0, None, (), ""),
        (60.2, (48, 60), (60,), ""),
        (72.4, (48, 60), (60,), "sounds like note 72"),
        (59.6, (48,), (48,), "sounds like note 60"),
        (47.0, (60,), (47,), "not taken"),
        (None, (48, 60), (48, 60), "no clear pitch"),
        (110.0, (60,), (), ""),
    ],
)
def test_a_declared_note_counts_where_the_sound_agrees(heard, declared, pitches, remark):
    note = None if declared is None else DeclaredNote(declared, "note X (in its name)")
    likely, said = likely_pitches(heard, note)
    assert likely == pitches
    assert remark in said and bool(remark) == bool(said)


def test_a_short_sound_goes_on_with_its_loop(tmp_path, task):
    audio = tone(441, 0.5)  # periods of 100 samples
    audio[10_000:] *= 0.25
    file = wav(tmp_path / "organ.wav", audio, smpl(69, (0, 4_000, 7_999, 0)))
    target = read_target(file, task)
    assert target.declared is not None and target.declared.pitches == (69,)
    assert any("loop" in remark for remark in target.remarks)
    sound = target.audio[0]
    assert np.abs(sound[-4_410:]).max() > 0.9  # the loudest sample is 1
    assert np.abs(sound[9_000:160_000] - sound[8_000:159_000]).max() < 0.02  # ten periods
    # A sound that fills the 4 s is left as it is.
    long = wav(tmp_path / "long.wav", tone(441, 4.5), smpl(69, (0, 0, 99, 0)))
    assert not any("loop" in remark for remark in read_target(long, task).remarks)
