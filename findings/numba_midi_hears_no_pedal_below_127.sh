#!/usr/bin/env bash
# numba-midi drops each sustain pedal that does not reach 127 or does not return to 0.
#
# Library: numba-midi 0.1.30 (PyPI), reads MIDI files into scores. Seen on 2026-12-01: the pedals of
#   a track in load_score.
# Guess: in the MIDI standard, a value of 64 or more means pedal on, and a lower one pedal off. So a
#   pedal starts at the first value of 64 or more and ends at the next one below, as in symusic.
# Behaviour: the source starts a pedal only at a value of 127, and ends it only at a value of 0. So
#   a pedal that goes down to 100 is missing, and so is one that returns to 1. If a piano sends the
#   pedal's positions in between, its pedals start and end late: by 1 s each in the last case.
#
# Output seen (CC 64, one value per 0.5 s, from 0.5 s on; start + duration of the pedal):
#   127, 0                          : numba-midi 0.5 s + 0.5 s, symusic 0.5 s + 0.5 s
#   100, 0                          : numba-midi none, symusic 0.5 s + 0.5 s
#   127, 1                          : numba-midi none, symusic 0.5 s + 0.5 s
#   20, 70, 110, 90, 40, 0          : numba-midi none, symusic 1.0 s + 1.5 s
#   20, 70, 110, 127, 90, 40, 10, 0 : numba-midi 2.0 s + 2.0 s, symusic 1.0 s + 2.0 s
#
# Exits with 1 if numba-midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba-midi==0.1.30 numba==0.68.1 numpy==2.4.6 mido==1.3.3 \
    symusic==0.6.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import mido
import symusic
from numba_midi import load_score

cases = [
    (127, 0),
    (100, 0),
    (127, 1),
    (20, 70, 110, 90, 40, 0),
    (20, 70, 110, 127, 90, 40, 10, 0),
]


def text(pedals):
    return ", ".join(f"{start:.1f} s + {length:.1f} s" for start, length in pedals) or "none"


found = []
for values in cases:
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.Message("note_on", note=60, velocity=80))
    for value in values:
        track.append(mido.Message("control_change", control=64, value=value, time=480))
    track.append(mido.Message("note_off", note=60, time=480))
    song.save("song.mid")
    seen = load_score("song.mid").tracks[0].pedals
    seen = [(float(pedal.time), float(pedal.duration)) for pedal in seen]
    other = symusic.Score("song.mid").to("second").tracks[0].pedals
    other = [(pedal.time, pedal.duration) for pedal in other]
    name = ", ".join(map(str, values))
    print(f"{name:32}: numba-midi {text(seen)}, symusic {text(other)}")
    found.append((seen, other))
expected = [
    ([(0.5, 0.5)], [(0.5, 0.5)]),
    ([], [(0.5, 0.5)]),
    ([], [(0.5, 0.5)]),
    ([], [(1.0, 1.5)]),
    ([(2.0, 2.0)], [(1.0, 2.0)]),
]
sys.exit(found != expected)
PYTHON
