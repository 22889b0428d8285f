#!/usr/bin/env bash
# miditoolkit's piano roll begins at the lowest note, and a note 126 or 127 leaves nothing of it.
#
# Library: miditoolkit 1.0.1 (PyPI), MIDI files; pianoroll.parser.notes2pianoroll.
# Guess: without a pitch_range "the method will represent all notes (pitches 0 to 127)", as the
#   documentation says: row 60 is note 60, and pianoroll2notes reads the same notes back.
# Behaviour: the roll begins at the lowest note that is played (a comment in the source says so),
#   and the result does not say which note that is. Read back, a chord on middle C plays five
#   octaves lower. The roll ends at the highest note minus 127, which Python counts from the end.
#   That is one row too many up to note 125, and no row at all with a note 126 or 127.
#   Workaround: give a pitch_range to both functions.
#
# Output seen:
#   notes (60, 64, 67):  9 rows, read back as (0, 4, 7)
#   notes (36, 64, 67): 33 rows, read back as (0, 28, 31)
#   notes (60, 64, 126):  0 rows, read back as ()
#   notes (60, 64, 127):  0 rows, read back as ()
#   notes (60, 64, 67) with a pitch_range: 88 rows, read back as (60, 64, 67)
#
# Exits with 1 if miditoolkit behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet miditoolkit==1.0.1 mido==1.3.3 numpy==2.2.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from miditoolkit import Note
from miditoolkit.pianoroll.parser import notes2pianoroll, pianoroll2notes

found = {}
for pitches in ((60, 64, 67), (36, 64, 67), (60, 64, 126), (60, 64, 127)):
    notes = [Note(100, pitch, 480 * i, 480 * i + 480) for i, pitch in enumerate(pitches)]
    roll = notes2pianoroll(notes)
    back = tuple(int(note.pitch) for note in pianoroll2notes(roll))
    found[pitches] = roll.shape[1], back
    print(f"notes {pitches}: {roll.shape[1]:2} rows, read back as {back}")
notes = [Note(100, pitch, 480 * i, 480 * i + 480) for i, pitch in enumerate((60, 64, 67))]
roll = notes2pianoroll(notes, pitch_range=(21, 108))
back = tuple(int(note.pitch) for note in pianoroll2notes(roll, pitch_range=(21, 108)))
print(f"notes (60, 64, 67) with a pitch_range: {roll.shape[1]} rows, read back as {back}")
lowered = found[60, 64, 67] == (9, (0, 4, 7)) and found[36, 64, 67] == (33, (0, 28, 31))
lost = found[60, 64, 126] == (0, ()) and found[60, 64, 127] == (0, ())
sys.exit(not (lowered and lost and back == (60, 64, 67)))
PYTHON
