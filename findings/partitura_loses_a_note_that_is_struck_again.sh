#!/usr/bin/env bash
# partitura loses a note whose key is struck again before its note-off, and cuts the second short.
#
# Library: partitura 1.9.0 (PyPI), scores and performances as arrays.
# Guess: load_performance_midi pairs note-offs with the notes of a key, first in first out or last
#   in first out, so that each note-on is one row of the array, whatever overlaps.
# Behaviour: one note of a key is kept for each channel. A second note-on overwrites the first,
#   which is gone; the first note-off ends the second, and the second is ignored with a warning.
#   Where a repeated note is written as note-on and then note-off at the same tick, as some programs
#   do, the first is lost and the second has no length. load_score_midi does the same. So repeated
#   notes, rolls and two voices in unison vanish from a data set, and onset scores miss them.
#   Notes of two channels or two tracks, and a note-off before the note-on, are read right.
#
# Output seen (onset, duration in seconds, and velocity of each note; 120 beats a minute):
#   off, then on  (0, 0.5, 100), (0.5, 0.5, 50); notes in the score: 2
#   on, then off  (0.5, 0, 50); notes in the score: 1
#   overlap       (0.5, 0.5, 50); notes in the score: 1
#   unison        (0, 1, 50); notes in the score: 1
#   two channels  (0, 1, 100), (0.5, 1, 50); notes in the score: 2
#
# Exits with 1 if partitura behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet partitura==1.9.0 mido==1.3.3 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys
import warnings

import mido
import partitura

warnings.simplefilter("ignore")
FILE = sys.argv[1] + "/notes.mid"
# Each message: quarter, velocity (0 is a note-off), channel.
CASES = {
    "off, then on": [(0, 100, 0), (1, 0, 0), (1, 50, 0), (2, 0, 0)],
    "on, then off": [(0, 100, 0), (1, 50, 0), (1, 0, 0), (2, 0, 0)],
    "overlap": [(0, 100, 0), (1, 50, 0), (2, 0, 0), (3, 0, 0)],
    "unison": [(0, 100, 0), (0, 50, 0), (2, 0, 0), (2, 0, 0)],
    "two channels": [(0, 100, 0), (1, 50, 1), (2, 0, 0), (3, 0, 1)],
}


def read(messages):
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    before = 0
    for quarter, velocity, channel in messages:
        kind = "note_on" if velocity else "note_off"
        wait = 480 * (quarter - before)
        track.append(mido.Message(kind, channel=channel, note=60, velocity=velocity, time=wait))
        before = quarter
    file.save(FILE)
    notes = partitura.load_performance_midi(FILE).note_array()
    score = partitura.load_score_midi(FILE).note_array()
    fields = ("onset_sec", "duration_sec", "velocity")
    return [tuple(float(note[field]) for field in fields) for note in notes], len(score)


seen = {name: read(messages) for name, messages in CASES.items()}
for name, (notes, in_score) in seen.items():
    text = ", ".join(f"({onset:g}, {length:g}, {velocity:g})" for onset, length, velocity in notes)
    print(f"{name:13s} {text}; notes in the score: {in_score}")
lost = (
    seen["on, then off"] == ([(0.5, 0.0, 50.0)], 1)
    and seen["overlap"] == ([(0.5, 0.5, 50.0)], 1)
    and seen["unison"] == ([(0.0, 1.0, 50.0)], 1)
)
kept = all(len(seen[name][0]) == 2 for name in ("off, then on", "two channels"))
sys.exit(not (lost and kept))
PYTHON
