import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.errors import PatchError
from unsynth.formats.syx import (
    VOICE_MAXIMA,
    init_voice,
    pack_voice,
    read_voices,
    unpack_voice,
    voice_name,
    write_bank,
    write_voice,
)

dexed = pytest.importorskip("dexed")


def random_voice(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    voice = rng.integers(0, VOICE_MAXIMA.astype(int) + 1).astype(np.uint8)
    voice[145:155] = rng.integers(32, 127, 10)
    return voice


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_packing_round_trips_and_agrees_with_the_engine(seed):
    voice = random_voice(seed)
    packed = pack_voice(voice)
    assert len(packed) == 128 and max(packed) < 128
    np.testing.assert_array_equal(unpack_voice(packed), voice)
    np.testing.assert_array_equal(dexed.Patch.from_packed(packed).to_raw(), voice)


def test_bank_is_what_dexed_loads(tmp_path):
    voices = [random_voice(i) for i in range(5)]
    data = write_bank(voices)
    assert len(data) == 4104
    path = tmp_path / "bank.syx"
    path.write_bytes(data)
    loaded = [p.to_raw() for p in dexed.Patch.load_bank(str(path))]
    np.testing.assert_array_equal(loaded[:5], voices)
    np.testing.assert_array_equal(loaded[31], init_voice())
    np.testing.assert_array_equal(read_voices(data)[:5], voices)


def test_all_messages_of_a_file_are_read():
    first, second = random_voice(1), random_voice(2)
    data = write_voice(first) + b"\xf0\x7e\x00\xf7" + write_bank([second])
    voices = read_voices(data)
    assert len(voices) == 33
    np.testing.assert_array_equal(voices[0], first)
    np.testing.assert_array_equal(voices[1], second)
    np.testing.assert_array_equal(read_voices(write_bank([second])[6:-2])[0], second)


def test_damaged_files_are_refused():
    data = bytearray(write_bank([random_voice(3)]))
    with pytest.raises(PatchError, match="cut short"):
        read_voices(bytes(data[:2000]))
    data[100] ^= 1
    with pytest.raises(PatchError, match="checksum"):
        read_voices(bytes(data))
    with pytest.raises(PatchError, match="no DX7 voice"):
        read_voices(b"RIFF....WAVE")
    with pytest.raises(PatchError, match="1 to 32"):
        write_bank([random_voice(3)] * 33)
    too_large = random_voice(4)
    too_large[16] = 100
    with pytest.raises(PatchError, match="byte 16"):
        pack_voice(too_large)


def test_published_banks_round_trip_and_agree_with_the_engine(shared_data):
    for path in sorted((shared_data / "dx7_cartridges").glob("*.syx")):
        voices = read_voices(path.read_bytes())
        expected = [p.to_raw() for p in dexed.Patch.load_bank(str(path))]
        np.testing.assert_array_equal(voices, expected)
        np.testing.assert_array_equal(read_voices(write_bank(voices)), voices)


def test_a_name_is_cut_to_ten_characters():
    assert voice_name(init_voice("E.PIANO 1 and more")) == "E.PIANO 1"
