"""Dumps of DX7 voices inside MIDI files (:mod:`unsynth.formats.midi_file`)."""

import io

import mido
import pytest

from unsynth.errors import PatchError
from unsynth.formats.midi_file import exclusive_messages
from unsynth.formats.syx import init_voice, read_syx, voice_name, write_bank, write_voice

BANK = write_bank([init_voice(f"VOICE {number}") for number in range(1, 33)])


def number(value: int) -> bytes:
    """Write a number of variable length."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def event(status: int, data: bytes, wait: int = 0) -> bytes:
    return number(wait) + bytes([status]) + number(len(data)) + data


def midi_file(*tracks: bytes) -> bytes:
    chunks = [b"MThd" + (6).to_bytes(4, "big") + b"\0\1" + bytes([0, len(tracks)]) + b"\x01\xe0"]
    for track in tracks:
        track += b"\0\xff\x2f\0"
        chunks.append(b"MTrk" + len(track).to_bytes(4, "big") + track)
    return b"".join(chunks)


def names(data: bytes) -> list[str]:
    return [voice_name(voice) for voice in read_syx(data).voices]


def test_a_dump_that_mido_wrote_is_read():
    track = mido.MidiTrack([mido.Message("sysex", data=BANK[1:-1], time=5)])
    buffer = io.BytesIO()
    mido.MidiFile(tracks=[track]).save(file=buffer)
    assert names(buffer.getvalue()) == names(BANK)


@pytest.mark.parametrize("parts", [2, 5, 41])
def test_a_dump_in_parts_is_one_dump(parts):
    size = -(-len(BANK) // parts)
    pieces = [BANK[at : at + size] for at in range(0, len(BANK), size)]
    events = event(0xF0, pieces[0][1:]) + b"".join(event(0xF7, p, 480) for p in pieces[1:])
    assert len(pieces) == parts and names(midi_file(events)) == names(BANK)
    assert read_syx(midi_file(events)).remarks == ()


def test_other_events_are_skipped():
    notes = b"\0\x90\x3c\x40" + b"\x60\x3c\0"  # the second has the status of the first
    program = b"\0\xc0\x05" + b"\0\xe0\0\x40"
    text = event(0xFF, b"")[:-1] + b"\x01" + number(200) + b"\xf0\x43" * 100
    tempo = b"\0\xff\x51" + number(3) + b"\x07\xa1\x20"
    start = event(0xF7, b"\xfa")  # an escape: no part of a dump
    other = event(0xF0, b"\x41\x10\x42\xf7")
    voice = event(0xF0, write_voice(init_voice("ALONE"))[1:])
    tracks = text + notes, program + tempo + start + other + voice + notes, event(0xF0, BANK[1:])
    assert names(midi_file(*tracks)) == ["ALONE", *names(BANK)]


def test_damaged_files_are_read_up_to_the_damage():
    whole = midi_file(event(0xF0, write_voice(init_voice("FIRST"))[1:]), event(0xF0, BANK[1:]))
    assert names(whole[:-600])[0] == "FIRST"
    for end in range(0, len(whole), 37):
        assert isinstance(exclusive_messages(whole[:end]), bytes)
    assert exclusive_messages(midi_file(b"\0\xf4\0")) == b""
    endless = exclusive_messages(midi_file(b"\0\xf0\xff\xff\xff\xff"))
    assert endless[:1] == b"\xf0" and len(endless) < 10


def test_a_midi_file_without_voices_is_called_so():
    with pytest.raises(PatchError, match="MIDI file holds no system exclusive"):
        read_syx(midi_file(b"\0\x90\x3c\x40"))
    with pytest.raises(PatchError, match="another instrument"):
        read_syx(midi_file(event(0xF0, b"\x41\x10\x42\xf7")))
