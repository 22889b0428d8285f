#!/usr/bin/env bash
# music21 writes the first note of a MIDI file without its bend: a quarter tone is 50 cents off.
#
# Library: music21 10.5.1 (PyPI), music theory and scores; read with mido 1.3.3.
# Guess: a note between the keys is written as the nearest key after a pitch bend (of a range of two
#   semitones), and each such note of a part or a chord sounds at its pitch within 1 cent.
# Behaviour: all do but the first of the file, if it is at beat 0. Its bend is written before the
#   part's reset of the bend, at the same tick, so that it sounds at the nearest key. A melody in
#   quarter tones starts 50 cents off, and the root of a first chord is out of tune with its third
#   and fifth. The same note is right one beat later, or after a rest. Of microtonal sounds that
#   are rendered from files of one note, not one has its pitch.
#
# Output seen (cents above middle C):
#   melody      : written [50, 50, 30, -20], played [100, 50, 30, -20]
#   after a rest: written [50, 50, 30], played [50, 50, 30]
#   one note    : written [-40], played [0]
#   chord       : written [-30, 356, 672], played [0, 356, 672]
#   chord, twice: written [-30, 356, 672, -30, 356, 672], played [0, 356, 672, -30, 356, 672]
#
# Exits with 1 if music21 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet music21==10.5.1 mido==1.3.3 numpy==2.2.6
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys

import mido
from music21 import chord, note, stream

FILE = sys.argv[1] + "/score.mid"


def tuned(cents):
    one = note.Note(60)
    one.pitch.ps = 60 + cents / 100
    return one


def played(score):
    """The pitch of each note of the file, with the bend that its channel has at its start."""
    score.write("midi", fp=FILE)
    pitches = []
    for track in mido.MidiFile(FILE).tracks:
        bends = {}
        for message in track:
            if message.type == "pitchwheel":
                bends[message.channel] = 200 * message.pitch / 8192
            elif message.type == "note_on" and message.velocity:
                pitches.append(round(100 * (message.note - 60) + bends.get(message.channel, 0)))
    return pitches


def chord_of(*cents):
    return chord.Chord([tuned(pitch) for pitch in cents])


cases = {
    "melody": ([50, 50, 30, -20], lambda wanted: [tuned(pitch) for pitch in wanted]),
    "after a rest": ([50, 50, 30], lambda wanted: [note.Rest(), *map(tuned, wanted)]),
    "one note": ([-40], lambda wanted: [tuned(pitch) for pitch in wanted]),
    "chord": ([-30, 356, 672], lambda wanted: [chord_of(*wanted)]),
    "chord, twice": ([-30, 356, 672] * 2, lambda wanted: [chord_of(*wanted[:3]) for _ in range(2)]),
}
right = True
for name, (wanted, make) in cases.items():
    heard = played(stream.Stream(make(wanted)))
    print(f"{name:12s}: written {wanted}, played {heard}")
    off = abs(heard[0] - wanted[0])
    right &= heard[1:] == wanted[1:]
    right &= off == 0 if name == "after a rest" else off >= 30
sys.exit(not right)
PYTHON
