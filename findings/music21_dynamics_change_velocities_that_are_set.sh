#!/usr/bin/env bash
# music21 halves a velocity that a note was given if the note stands under "pp".
#
# Library: music21 10.5.1 (PyPI), a toolkit for scores.
# Guess: a note whose volume.velocity is set has that velocity in the MIDI file; a dynamic mark
#   gives the velocity of the notes that have none.
# Behaviour: a mark multiplies the velocities that are set: "pp" by 0.5, "p" by 0.7, "f" by 1.4. So
#   the marks of a score count twice in a performance of it. Notes of 100 and 127 are both 127 under
#   "f", so the difference between them is lost. Without marks each note is as loud as it says.
#
# Output seen (the velocities 20, 64, 100, 127 in the MIDI file):
#   no mark: 20, 64, 100, 127
#   pp: 10, 32, 50, 64
#   p: 14, 45, 70, 89
#   mf: 22, 70, 110, 127
#   f: 28, 90, 127, 127
#   ff: 34, 109, 127, 127
#
# Exits with 1 if music21 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet music21==10.5.1 mido==1.3.3 numpy==2.2.6
"$folder/venv/bin/python" - "$folder/score.mid" <<'PYTHON'
import sys

import mido
from music21 import dynamics, note, stream

VELOCITIES = [20, 64, 100, 127]


def written(mark):
    """The velocities of notes under a dynamic mark, in a MIDI file."""
    part = stream.Part()
    if mark:
        part.insert(0.0, dynamics.Dynamic(mark))
    for velocity in VELOCITIES:
        single = note.Note("D4", quarterLength=1.0)
        single.volume.velocity = velocity
        part.append(single)
    part.write("midi", fp=sys.argv[1])
    messages = mido.MidiFile(sys.argv[1]).merged_track
    return [each.velocity for each in messages if each.type == "note_on" and each.velocity]


seen = {mark: written(mark) for mark in ("", "pp", "p", "mf", "f", "ff")}
for mark, velocities in seen.items():
    print(f"{mark or 'no mark'}: {', '.join(map(str, velocities))}")
right = seen[""] == VELOCITIES
halved = seen["pp"] == [10, 32, 50, 64]
sys.exit(not (right and halved and seen["f"][2:] == [127, 127]))
PYTHON
