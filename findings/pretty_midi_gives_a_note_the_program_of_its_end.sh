#!/usr/bin/env bash
# pretty_midi lists a note under the program that its channel has when the note ends.
#
# Library: pretty_midi 0.2.11.post0; symusic 0.6.0 for comparison (PyPI).
# Guess: a program change affects the notes that start after it, as it does in a synthesizer, where
#   a note that is held keeps its sound. So a note belongs to the program of its start.
# Behaviour: a note that starts under program 0 and is held while its channel changes to program 48
#   becomes a note of program 48 in pretty_midi, with its start before the change. In symusic it
#   stays with program 0. A sequencer that sends the next program just before the last note-off
#   gives the last note of each section to the next instrument, and a part with one note vanishes.
#
# Output seen (program: starts of its notes in seconds):
#   pretty_midi: {48: [0.0, 2.0]}
#   symusic: {0: [0.0], 48: [2.0]}
#
# Exits with 1 if either behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pretty_midi==0.2.11.post0 symusic==0.6.0 mido==1.3.3 \
  "setuptools==80.9.0" numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import mido
import pretty_midi
import symusic

track = mido.MidiTrack([
    mido.Message("program_change", program=0),
    mido.Message("note_on", note=60, velocity=100),
    mido.Message("program_change", program=48, time=960),
    mido.Message("note_off", note=60, time=480),
    mido.Message("note_on", note=64, velocity=100, time=480),
    mido.Message("note_off", note=64, time=480),
])
song = mido.MidiFile(type=0, ticks_per_beat=480)
song.tracks.append(track)
song.save("held.mid")

slow = {int(part.program): [round(float(note.start), 3) for note in part.notes]
        for part in pretty_midi.PrettyMIDI("held.mid").instruments}
fast = {part.program: [round(note.start, 3) for note in part.notes]
        for part in symusic.Score("held.mid").to("second").tracks}
print("pretty_midi:", slow)
print("symusic:", fast)
sys.exit(not (slow == {48: [0.0, 2.0]} and fast == {0: [0.0], 48: [2.0]}))
PYTHON
