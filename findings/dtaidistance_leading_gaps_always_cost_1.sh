#!/usr/bin/env bash
# DTAIDistance's Needleman-Wunsch alignment charges 1 for each leading gap, whatever a gap costs.
#
# Library: dtaidistance 2.5.1 (PyPI), seen 2026-12-01; alignment.needleman_wunsch.
# Guess: make_substitution_fn({}, gap=0.5) sets the cost of a gap ("only using the gap penalty"). A
#   match counts 1. So the score is the matches minus 0.5 per gap, wherever the gaps are, and two
#   sequences that are both reversed have the same score.
# Behaviour: the source fills the border of its matrix with 1 per gap, and uses the gap's cost only
#   inside. So each gap before the first match costs 1. Two notes before a melody score otherwise
#   than two notes after it. At a cost of 1 per gap the scores agree.
#
# Output seen (score of 5 matches and 2 gaps):
#   gap 0.5: leading  3.0, trailing  4.0, right  4.0
#   gap 1.0: leading  3.0, trailing  3.0, right  3.0
#   gap 2.0: leading  3.0, trailing  1.0, right  1.0
#   gap 5.0: leading  3.0, trailing -5.0, right -5.0
#
# Exits with 1 if dtaidistance behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dtaidistance==2.5.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from dtaidistance import alignment


def score(first, second, gap):
    cost = alignment.make_substitution_fn({}, gap=gap)
    return float(alignment.needleman_wunsch(first, second, substitution=cost)[0])


right = True
for gap in (0.5, 1.0, 2.0, 5.0):
    lead = score("CDEFG", "ABCDEFG", gap)
    trail = score("GFEDC", "GFEDCBA", gap)
    true = 5.0 - 2.0 * gap
    print(f"gap {gap}: leading {lead:4.1f}, trailing {trail:4.1f}, right {true:4.1f}")
    right = right and [lead, trail] == [3.0, true]
sys.exit(not right)
PYTHON
