#!/usr/bin/env bash
# A MIDI file whose ticks are parts of film frames has a negative length in mido.
#
# Library: mido 1.3.3 (PyPI), reads MIDI files and ports.
# Guess: a file with 25 frames per second and 40 ticks per frame counts in milliseconds, whatever
#   its tempo, as the MIDI file standard says; a library that does not know this way of counting
#   refuses.
# Behaviour: mido takes the two bytes of the header (-25 and 40) for one number, -6360 ticks per
#   beat, and divides by it: a note that ends after 1,000 ticks, 1 s, makes the file -0.079 s long,
#   and its messages come with negative waits. Nothing is raised. Tempo changes count too, which
#   they must not. symusic 0.6.0 refuses such a file; pretty_midi, which reads with mido, raises
#   that notes end before they start.
#
# Output seen:
#   ticks per beat: -6360
#   length: -0.0786 s
#   waits before the messages: 0.0000, -0.0786, 0.0000 s
#   length at half the tempo: -0.1572 s
#
# Exits with 1 if mido behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mido==1.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import mido


def song(tempo=b""):
    division = struct.pack(">bB", -25, 40)
    events = tempo + bytes.fromhex("00903c40 8768803c40 00ff2f00")  # 8768: a wait of 1,000 ticks
    header = b"MThd" + struct.pack(">IHH", 6, 0, 1) + division
    chunk = b"MTrk" + struct.pack(">I", len(events)) + events
    return mido.MidiFile(file=io.BytesIO(header + chunk))


plain = song()
slow = song(b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big"))
waits = [message.time for message in plain]
print("ticks per beat:", plain.ticks_per_beat)
print(f"length: {plain.length:.4f} s")
print(f"waits before the messages: {', '.join(f'{wait:.4f}' for wait in waits)} s")
print(f"length at half the tempo: {slow.length:.4f} s")
sys.exit(not (plain.ticks_per_beat == -6360 and abs(plain.length + 1000 * 0.5 / 6360) < 1e-6
              and abs(slow.length / plain.length - 2.0) < 1e-6))
PYTHON
