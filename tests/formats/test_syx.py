import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.errors import PatchError
from unsynth.formats.syx import (
    VOICE_MAXIMA,
    init_voice,
    pack_voice,
    read_syx,
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
    np.testing.assert_array_equal(read_syx(data).voices[:5], voices)


def test_all_messages_of_a_file_are_read():
    first, second = random_voice(1), random_voice(2)
    data = write_voice(first) + b"\xf0\x7e\x00\xf7" + write_bank([second])
    voices = read_syx(data).voices
    assert len(voices) == 33
    np.testing.assert_array_equal(voices[0], first)
    np.testing.assert_array_equal(voices[1], second)
    np.testing.assert_array_equal(read_syx(write_bank([second])[6:-2]).voices[0], second)


def test_voices_that_cannot_be_packed_are_refused():
    with pytest.raises(PatchError, match="1 to 32"):
        write_bank([random_voice(3)] * 33)
    too_large = random_voice(4)
    too_large[16] = 100
    with pytest.raises(PatchError, match="byte 16"):
        pack_voice(too_large)


def random_bank(seed: int) -> list[np.ndarray]:
    return [random_voice(seed + number) for number in range(32)]


def test_a_stray_bit_7_is_ignored_and_real_time_bytes_are_skipped():
    """A level of 60 with bit 7 set is 60; a real-time byte in a dump shifts nothing."""
    bank = random_bank(0)
    bank[0][16] = 60
    bank[31][145:155] = list(b"xyz{|}~xyz")  # with bit 7 set, these look like real-time bytes
    data = write_bank(bank)
    stray = bytearray(data)
    stray[6 + 14] |= 0x80
    name = slice(len(data) - 12, len(data) - 2)
    stray[name] = bytes(byte | 0x80 for byte in stray[name])
    real_time = data[:3] + b"\xf8" + data[3:100] + b"\xfe\xf8" + data[100:-1] + b"\xfa\xf7"
    for changed in (bytes(stray), real_time, real_time + bytes(stray), bytes(stray) + real_time):
        file = read_syx(changed)
        assert file.remarks == ()
        np.testing.assert_array_equal(file.voices, bank * (len(file.voices) // 32))
    assert len(read_syx(real_time + bytes(stray)).voices) == 64
    voice = bytearray(write_voice(bank[0]))
    voice[6 + 16] |= 0x80
    np.testing.assert_array_equal(read_syx(bytes(voice)).voices, [bank[0]])


def test_what_is_whole_is_read_beside_what_is_damaged():
    good, other = random_bank(0), random_bank(100)
    damaged = bytearray(write_bank(other))
    damaged[100] ^= 1
    file = read_syx(bytes(damaged) + write_bank(good))
    assert file.remarks == ("1 of 2 dumps with a wrong checksum: voices may be damaged",)
    assert len(file.voices) == 64
    np.testing.assert_array_equal(file.voices[1:32], other[1:])
    np.testing.assert_array_equal(file.voices[32:], good)
    cut = write_bank(other)[:2000]
    for data in (cut, cut + b"\xf7"):
        file = read_syx(data + write_bank(good))
        assert file.remarks == ("1 of 2 dumps cut short: only the voices before the cut are read",)
        np.testing.assert_array_equal(file.voices, other[:15] + good)
        assert len(read_syx(data).voices) == 15
    # Voices that follow missing bytes are shifted.
    whole = write_bank(other)
    file = read_syx(whole[: 6 + 128 * 10 + 4] + whole[6 + 128 * 10 + 7 :])
    assert 10 <= len(file.voices) <= 11 and "cut short" in file.remarks[0]
    np.testing.assert_array_equal(file.voices[:10], other[:10])
    # A dump without its last byte, or without its last two, lacks no voice.
    assert read_syx(whole[:-1]).remarks == () and len(read_syx(whole[:-2]).voices) == 32


def yamaha(kind: int, payload: bytes) -> bytes:
    """Write a bulk dump of Yamaha's on MIDI channel 3."""
    size = [len(payload) >> 7, len(payload) & 0x7F]
    return bytes([0xF0, 0x43, 2, kind, *size]) + payload + bytes([-sum(payload) & 0x7F, 0xF7])


def test_other_instruments_dumps_are_named():
    four_operators = yamaha(0x04, bytes(4096))
    assert len(four_operators) == 4104
    with pytest.raises(PatchError, match="voices with 4 operators"):
        read_syx(four_operators)
    with pytest.raises(PatchError, match="no DX7 voice in this file, only performances"):
        read_syx(yamaha(0x7E, b"LM  8973PE" + bytes(51)))
    with pytest.raises(PatchError, match="for another instrument"):
        read_syx(b"\xf0\x41\x10\x16\x12\xf7")
    # A DX7 II sends its additions to 32 voices, then the voices; between them, single parameters.
    bank = random_bank(5)
    data = yamaha(0x06, bytes(1120)) + b"\xf0\x43\x10\x19\x4d\x00\xf7" + yamaha(
        0x09, b"".join(map(pack_voice, bank))
    )  # fmt: skip
    file = read_syx(data * 2)
    np.testing.assert_array_equal(file.voices, bank * 2)
    assert file.remarks == (
        "left out: additions of a DX7 II or TX802 to its voices, such as unison, random pitch, the "
        "range of the pitch envelope, fractional scaling and controllers (2 dumps)",
    )  # fmt: skip


def test_a_file_without_headers_must_look_like_voices():
    rng = np.random.default_rng(0)
    damaged = bytearray(write_bank(random_bank(0))[6:-2])
    for voice in (0, 3, 31):  # as in some old banks, a few values are out of range
        damaged[128 * voice + 16] = 120
    bank = bytes(damaged)
    assert len(read_syx(bank).voices) == 32 and len(read_syx(bank * 2).voices) == 64
    text = (b"The DX7 has 32 voices in a bank. " * 200)[:4096]
    four_operators = (bytes(range(30)) + bytes(27) + b"LATELY BAS" + bytes(61)) * 32
    for data in (rng.bytes(4096), rng.integers(0, 128, 4096, np.uint8).tobytes(), bytes(4096), text,
                 four_operators, bank[:-1], b"RIFF....WAVE", b""):  # fmt: skip
        with pytest.raises(PatchError, match="no DX7 voice in this file: a bank has 4,104 bytes"):
            read_syx(data)


def test_published_banks_round_trip_and_agree_with_the_engine(shared_data):
    for path in sorted((shared_data / "dx7_cartridges").glob("*.syx")):
        voices = read_syx(path.read_bytes()).voices
        expected = [p.to_raw() for p in dexed.Patch.load_bank(str(path))]
        np.testing.assert_array_equal(voices, expected)
        np.testing.assert_array_equal(read_syx(write_bank(voices)).voices, voices)


def test_a_name_is_cut_to_ten_characters():
    assert voice_name(init_voice("E.PIANO 1 and more")) == "E.PIANO 1"


def test_a_name_shows_no_control_characters():
    voice = init_voice()
    voice[145:155] = list(b"\x1b[31m\x07A\xe9\x7f\x00")
    assert voice_name(voice) == "?[31m?A??"
