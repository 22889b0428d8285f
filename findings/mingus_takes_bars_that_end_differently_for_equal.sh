#!/usr/bin/env bash
# mingus calls two bars equal if only their last notes differ, and finds no top note in a fall.
#
# Library: mingus 0.6.1 (PyPI), music theory; mingus.containers.Bar.
# Guess: == compares all notes of two bars, and get_range() gives the lowest and the highest note of
#   a bar. (Its docstring says "the highest and the lowest note".)
# Behaviour: == leaves out the last place of the bar. So two bars of one whole note are always
#   equal, and of four quarter notes the fourth does not count; nor does it for tracks of such bars.
#   get_range() looks for a new highest note only where the note is no new lowest one. In a falling
#   line each is one, so the highest is -1, and the first note of any line never counts as highest.
#
# Output seen:
#   C D E F == C D E G: True
#   whole C == whole F#: True
#   C D E F == C D G F: False
#   range of C-4 E-4 G-4: C-4 to G-4
#   range of G-4 E-4 C-4: C-4 to -1
#   range of G-4 C-4 E-4: C-4 to E-4
#
# Exits with 1 if mingus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mingus==0.6.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from mingus.containers import Bar


def bar(names, value=4):
    """A bar of 4/4 with these notes, quarters by default."""
    made = Bar("C", (4, 4))
    for name in names.split():
        made.place_notes([name], value)
    return made


equal = [
    bar("C D E F") == bar("C D E G"),
    bar("C", 1) == bar("F#", 1),
    bar("C D E F") == bar("C D G F"),
]
print(f"C D E F == C D E G: {equal[0]}")
print(f"whole C == whole F#: {equal[1]}")
print(f"C D E F == C D G F: {equal[2]}")
ranges = []
for line in ("C-4 E-4 G-4", "G-4 E-4 C-4", "G-4 C-4 E-4"):
    ranges.append([str(end).strip("'") for end in bar(line).get_range()])
    print(f"range of {line}: {ranges[-1][0]} to {ranges[-1][1]}")
wrong = ranges == [["C-4", "G-4"], ["C-4", "-1"], ["C-4", "E-4"]]
sys.exit(not (equal == [True, True, False] and wrong))
PYTHON
