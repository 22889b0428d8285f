#!/usr/bin/env bash
# Platypus' EpsilonIndicator prefers the worse solutions if the objectives are maximized.
#
# Library: Platypus-Opt 1.4.1 (PyPI), seen 2026-12-01; indicators.EpsilonIndicator.
# Guess: the additive epsilon indicator is how far a set of solutions must be moved to be nowhere
#   worse than the reference set. So a worse set has a higher value than a better one, whether the
#   problem minimizes or maximizes, and the mirrored problem gives the same values.
# Behaviour: the source subtracts the objectives without looking at the problem's directions. If the
#   objectives are maximized, a set that is worse by 0.2 has -0.2, and a set that is better by 0.2
#   has 0.2. So the worst set looks best. GenerationalDistance is the same for both directions.
#   Workaround: minimize the negative objectives.
#
# Output seen (epsilon indicator, generational distance):
#   minimize, worse by 0.5 :  0.50 0.32
#   minimize, worse by 0.2 :  0.20 0.13
#   minimize, the reference:  0.00 0.00
#   minimize, better by 0.2: -0.20 0.13
#   maximize, worse by 0.5 : -0.50 0.32
#   maximize, worse by 0.2 : -0.20 0.13
#   maximize, the reference:  0.00 0.00
#   maximize, better by 0.2:  0.20 0.13
#
# Exits with 1 if Platypus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet platypus-opt==1.4.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from platypus import Direction, EpsilonIndicator, GenerationalDistance, Problem, Solution

FRONT = [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (0.75, 0.25), (1.0, 0.0)]
SETS = [("worse by 0.5 ", 0.5), ("worse by 0.2 ", 0.2)]
SETS += [("the reference", 0.0), ("better by 0.2", -0.2)]


def solutions(direction, costs):
    """Solutions with these costs; to maximize, the objectives are the negative costs."""
    problem = Problem(1, 2)
    problem.directions[:] = direction
    found = []
    for pair in costs:
        found.append(Solution(problem))
        found[-1].objectives[:] = [c if direction == Direction.MINIMIZE else -c for c in pair]
        found[-1].constraint_violation, found[-1].evaluated = 0.0, True
    return found


right = True
for direction, sign in ((Direction.MINIMIZE, 1.0), (Direction.MAXIMIZE, -1.0)):
    reference = solutions(direction, FRONT)
    for name, worse in SETS:
        tested = solutions(direction, [(a + worse, b + worse) for a, b in FRONT])
        epsilon = EpsilonIndicator(reference)(tested)
        distance = GenerationalDistance(reference)(tested)
        print(f"{direction.name.lower()}, {name}: {epsilon + 0.0:5.2f} {distance:.2f}")
        right = right and abs(epsilon - sign * worse) < 1e-9
        right = right and abs(distance - abs(worse) * (2.0 / 5.0) ** 0.5) < 1e-9
sys.exit(not right)
PYTHON
