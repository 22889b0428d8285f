import numpy as np
import pytest
import soundfile

from unsynth.audio.files import read_sound
from unsynth.audio.unfinished_wav import open_unfinished
from unsynth.errors import SoundError

RATE = 44_100
LIST = b"LIST" + (26).to_bytes(4, "little") + b"INFOISFT" + (14).to_bytes(4, "little") + bytes(14)


def write(path, length: int, before: bytes = b"", seconds: float = 1.0) -> bytes:
    """Write a tone with another length in the header, as programs do that write to a pipe."""
    sound = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, sound, RATE)
    whole = path.read_bytes()
    at = whole.index(b"data")
    size = length.to_bytes(4, "little")
    path.write_bytes(whole[:4] + size + whole[8:at] + before + b"data" + size + whole[at + 8 :])
    return whole


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0xFFFFFFFF])
@pytest.mark.parametrize("before", [b"", LIST])
@pytest.mark.parametrize("seconds", [1.0, 6.0])
def test_samples_are_read_though_the_header_has_no_length(tmp_path, length, before, seconds):
    path = tmp_path / "pipe.wav"
    whole = write(path, length, before, seconds)
    audio, remarks = read_sound(path, RATE, 1, 4.0, 1.0)
    path.write_bytes(whole)
    expected, same = read_sound(path, RATE, 1, 4.0, 1.0)
    np.testing.assert_array_equal(audio, expected)
    assert remarks == same


def test_zeros_are_not_read_as_millions_of_chunks(tmp_path):
    path = tmp_path / "zeros.wav"
    with path.open("wb") as file:
        file.write(b"RIFF\0\0\0\0WAVE")
        file.truncate(4_000_000_000)
    assert open_unfinished(path) is None


def test_a_file_without_samples_still_has_none(tmp_path):
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0), RATE)
    path.write_bytes(path.read_bytes() + LIST)
    with pytest.raises(SoundError, match="no samples"):
        read_sound(path, RATE, 1, 4.0, 1.0)
