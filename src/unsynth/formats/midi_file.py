"""System exclusive messages in standard MIDI files (``.mid``).

An event ``F0`` begins a message and an event ``F7`` continues it, so a long dump can be sent in
parts ("Standard MIDI Files 1.0", MIDI Manufacturers Association, 1996, page 6). mido reads the
parts as messages of their own, and refuses the other bytes that an ``F7`` event may hold
(``findings/mido_splits_divided_sysex.sh``).
"""

from collections.abc import Iterator

#: Data bytes of a channel message, by the upper half of its status from 8 on; F is not among them.
_DATA_BYTES = (2, 2, 2, 2, 1, 1, 2)
_CHUNK_HEADER = 8
_EXCLUSIVE, _CONTINUED, _META = 0xF0, 0xF7, 0xFF
#: The most bytes of a number of variable length.
_LONGEST_NUMBER = 4


def is_midi_file(data: bytes) -> bool:
    """Say whether bytes are a standard MIDI file."""
    return data[:4] == b"MThd"


def exclusive_messages(data: bytes) -> bytes:
    """Return the system exclusive messages of a MIDI file as a stream, as in a ``.syx`` file.

    A file that is damaged is read up to the damage in each of its tracks.
    """
    return b"".join(part for track in _tracks(data) for part in _exclusive(track))


def _tracks(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _CHUNK_HEADER <= len(data):
        start = at + _CHUNK_HEADER
        end = start + int.from_bytes(data[at + 4 : start], "big")
        if data[at : at + 4] == b"MTrk":
            yield data[start:end]
        at = end


def _exclusive(track: bytes) -> Iterator[bytes]:
    """Yield the bytes of exclusive events; other events are skipped by their length."""
    at, status = 0, 0
    while at < len(track):
        _, at = _number(track, at)  # the time since the last event
        if at < len(track) and track[at] & 0x80:  # else the last status goes on
            status, at = track[at], at + 1
        if status in (_EXCLUSIVE, _CONTINUED, _META):
            length, start = _number(track, at + (status == _META))
            at = start + length
            if status != _META:
                yield b"\xf0" * (status == _EXCLUSIVE) + track[start:at]
        elif 0x80 <= status < _EXCLUSIVE:
            at += _DATA_BYTES[(status >> 4) - 8]
        else:
            return


def _number(track: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; return it and where the next byte is."""
    value = 0
    for byte in track[at : at + _LONGEST_NUMBER]:
        value, at = value << 7 | byte & 0x7F, at + 1
        if not byte & 0x80:
            break
    return value, at
