#!/usr/bin/env bash
# mido reads a system exclusive message that a MIDI file divides as two, and saves it damaged.
#
# Library: mido 1.3.3 (PyPI), MidiFile.
# Guess: a message in an F0 event and an F7 event, which a standard MIDI file uses to give a slow
#   instrument time, is read as one message; or saving it at least writes the same bytes again.
# Behaviour: it becomes two messages, and nothing says that the second continues the first. Saving
#   ends the first part with F7 and begins the second with F0, so an instrument gets a dump that is
#   cut short, then nonsense. Undivided messages survive. A file with an F7 event that escapes other
#   bytes, such as a real-time start, cannot be read at all.
#
# Output seen:
#   one F0 event: [305], the same bytes when saved: True
#   F0 and F7 event: [100, 205], the same bytes when saved: False
#   the first part when saved ends with F7: True
#   an escaped start message: ValueError
#
# Exits with 1 if mido behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mido==1.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import mido


def event(status, data):
    """An event at time 0; its length has two bytes."""
    return bytes([0, status, 0x80 | len(data) >> 7, len(data) & 0x7F]) + data


def midi_file(*events):
    track = b"".join(events) + b"\x00\xff\x2f\x00"
    header = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk"
    return header + len(track).to_bytes(4, "big") + track


def read_and_save(data):
    file, saved = mido.MidiFile(file=io.BytesIO(data)), io.BytesIO()
    file.save(file=saved)
    return [len(m.data) for m in file.tracks[0] if m.type == "sysex"], saved.getvalue()


dump = b"\x43\x00\x09\x20\x00" + bytes(i % 128 for i in range(300))
single = midi_file(event(0xF0, dump + b"\xf7"))
divided = midi_file(event(0xF0, dump[:100]), event(0xF7, dump[100:] + b"\xf7"))
one, saved_one = read_and_save(single)
two, saved_two = read_and_save(divided)
cut = dump[:100] + b"\xf7" in saved_two
# mido writes lengths below 128 in one byte, so the bytes of messages are compared, not the files.
same = dump + b"\xf7" in saved_one
print(f"one F0 event: {one}, the same bytes when saved: {same}")
print(f"F0 and F7 event: {two}, the same bytes when saved: {dump[100:] in saved_two and not cut}")
print(f"the first part when saved ends with F7: {cut}")
try:
    escaped = str(read_and_save(midi_file(event(0xF7, b"\xfa")))[0])
except ValueError as error:
    escaped = type(error).__name__
print(f"an escaped start message: {escaped}")
sys.exit(not (one == [305] and two == [100, 205] and same and cut and escaped == "ValueError"))
PYTHON
