#!/usr/bin/env bash
# Two notes of one key that overlap both end at the first note-off, when pretty_midi reads them.
#
# Library: pretty_midi 0.2.11.post0; symusic 0.6.0 and miditoolkit 1.0.1 for comparison (PyPI).
# Guess: as in miditoolkit, whose reader was made from pretty_midi's, and in symusic, each note-off
#   ends the note that has sounded longest. What pretty_midi writes, it reads back.
# Behaviour: notes of 0 to 2 s and 1 to 3 s of one key and channel come back as 0 to 2 s and 1 to 2
#   s. The first note-off ends all notes of its key, and the second is dropped. Written and read by
#   pretty_midi, the second note loses half of its length, without a warning. The file itself holds
#   all four events, and symusic and miditoolkit read both notes from it as they were.
#
# Output seen (seconds):
#   before: 0.0 to 2.0, 1.0 to 3.0
#   pretty_midi: 0.0 to 2.0, 1.0 to 2.0
#   symusic: 0.0 to 2.0, 1.0 to 3.0
#   miditoolkit: 0.0 to 2.0, 1.0 to 3.0
#
# Exits with 1 if one of them behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pretty_midi==0.2.11.post0 symusic==0.6.0 \
  miditoolkit==1.0.1 "setuptools==80.9.0" numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import miditoolkit
import pretty_midi
import symusic

song = pretty_midi.PrettyMIDI(initial_tempo=120.0, resolution=480)
track = pretty_midi.Instrument(0)
track.notes = [pretty_midi.Note(50, 60, 0.0, 2.0), pretty_midi.Note(90, 60, 1.0, 3.0)]
song.instruments.append(track)
song.write("overlap.mid")


def times(notes):
    return [(round(float(start), 3), round(float(end), 3)) for start, end in sorted(notes)]


read = pretty_midi.PrettyMIDI("overlap.mid").instruments[0].notes
fast = symusic.Score("overlap.mid").to("second").tracks[0].notes
ticks = miditoolkit.MidiFile("overlap.mid").instruments[0].notes
seen = {
    "before": times((note.start, note.end) for note in track.notes),
    "pretty_midi": times((note.start, note.end) for note in read),
    "symusic": times((note.start, note.start + note.duration) for note in fast),
    "miditoolkit": times((note.start / 960, note.end / 960) for note in ticks),
}
for name, notes in seen.items():
    print(f"{name}: {', '.join(f'{start} to {end}' for start, end in notes)}")
whole = [(0.0, 2.0), (1.0, 3.0)]
others = (seen["before"], seen["symusic"], seen["miditoolkit"])
sys.exit(not (all(notes == whole for notes in others)
              and seen["pretty_midi"] == [(0.0, 2.0), (1.0, 2.0)]))
PYTHON
