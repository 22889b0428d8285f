#!/usr/bin/env bash
# miditoolkit's piano roll of an excerpt loses notes, or all of them, if it is downsampled.
#
# Library: miditoolkit 1.0.1 (PyPI), MIDI files; pianoroll.parser.notes2pianoroll.
# Guess: time_portion=(480, 1440) with resample_factor=1/120 is the second and third of three beats,
#   in 8 columns, with the notes of those beats. The documentation gives the portion in ticks.
# Behaviour: the factor scales the notes and the end of the portion, but not its start. So
#   at 1/120 the roll of 1440 ticks has 12 columns, from which the first 480 are cut: nothing is
#   left. At 1/2 all but one column of the first of the two notes is lost. Without a factor the
#   excerpt is right. Workaround: give no time_portion, and cut the columns of the resampled roll.
#
# Output seen (three notes of a beat each, 480 ticks per beat; time_portion (480, 1440)):
#   factor none : whole piece 1440 columns, excerpt 960, note 64 in 480 of them, note 67 in 480
#   factor 1/2  : whole piece  720 columns, excerpt 240, note 64 in   1 of them, note 67 in 240
#   factor 1/120: whole piece   12 columns, excerpt   0, note 64 in   0 of them, note 67 in   0
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
from miditoolkit.pianoroll.parser import notes2pianoroll

notes = [Note(100, 60, 0, 480), Note(100, 64, 480, 960), Note(100, 67, 960, 1440)]
lengths = {}
for name, factor in (("none", None), ("1/2", 0.5), ("1/120", 1 / 120)):
    settings = {"pitch_range": (48, 72), "resample_factor": factor}
    whole = notes2pianoroll(notes, **settings)
    excerpt = notes2pianoroll(notes, time_portion=(480, 1440), **settings)
    counts = [int((excerpt[:, pitch - 48] > 0).sum()) for pitch in (64, 67)]
    lengths[name] = len(whole), len(excerpt), *counts
    print(
        f"factor {name:5}: whole piece {len(whole):4} columns, excerpt {len(excerpt):3}, "
        f"note 64 in {counts[0]:3} of them, note 67 in {counts[1]:3}"
    )
expected = {"none": (1440, 960, 480, 480), "1/2": (720, 240, 1, 240), "1/120": (12, 0, 0, 0)}
sys.exit(lengths != expected)
PYTHON
