#!/usr/bin/env bash
# mingus triples a rest before the first note of a track that has an instrument.
#
# Library: mingus 0.6.1 (PyPI), music theory and MIDI files; midi_file_out.write_Track.
# Guess: a track of three quarter rests and a note begins its note on the fourth beat.
# Behaviour: it does so without an instrument. With a MidiInstrument a bank select and a program
#   change come before the first note, and each of the three events gets the whole rest as its own
#   delta time. So an upbeat on beat 4 comes on beat 10, and all that follows is late by six beats.
#   A composition whose tracks have rests of different lengths at their starts falls apart.
#   (A rest that fills a bar counts once, as the next bar's time signature takes it.)
#
# Output seen (beats before the first note, and where the last note of two bars ends):
#   rest of 0 beats, no instrument: starts after 0, ends at 8; with instrument: after 0, at 8
#   rest of 1 beats, no instrument: starts after 1, ends at 8; with instrument: after 3, at 10
#   rest of 2 beats, no instrument: starts after 2, ends at 8; with instrument: after 6, at 12
#   rest of 3 beats, no instrument: starts after 3, ends at 8; with instrument: after 9, at 14
#
# Exits with 1 if mingus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mingus==0.6.1 mido==1.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import mido
from mingus.containers import Bar, Track
from mingus.containers.instrument import MidiInstrument
from mingus.midi.midi_file_out import write_Track


def beats(rests, instrument):
    """When the first note of a file begins and its last one ends, in quarter notes."""
    track = Track(instrument)
    for bar in range(2):
        track.add_bar(Bar("C", (4, 4)))
        for beat in range(4):
            if bar == 0 and beat < rests:
                track.bars[-1].place_rest(4)
            else:
                track.bars[-1].place_notes(["C-4"], 4)
    write_Track("track.mid", track)
    file = mido.MidiFile("track.mid")
    now, starts, ends = 0, [], []
    for event in file.tracks[0]:
        now += event.time / file.ticks_per_beat
        if event.type.startswith("note"):
            (starts if event.type == "note_on" else ends).append(now)
    return round(starts[0]), round(ends[-1])


ok = True
for rests in range(4):
    plain, played = beats(rests, None), beats(rests, MidiInstrument())
    print(
        f"rest of {rests} beats, no instrument: starts after {plain[0]}, ends at {plain[1]}; "
        f"with instrument: after {played[0]}, at {played[1]}"
    )
    ok = ok and plain == (rests, 8) and played == (3 * rests, 8 + 2 * rests)
sys.exit(not ok)
PYTHON
