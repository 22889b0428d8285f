#!/usr/bin/env bash
# inspyred's roulette wheel always picks the second individual if fitness has both signs.
#
# Library: inspyred 1.0.3 (PyPI), seen 2026-12-01; ec.selectors.fitness_proportionate_selection.
# Guess: it "stochastically chooses individuals from the population with probability proportional
#   to their fitness". It raises an error for minimization. So a fitter individual is picked more
#   often, or fitness below 0 is refused or shifted.
# Behaviour: if some fitness is above 0 and some below, the source never fills its wheel and leaves
#   it as 0, 1, 2 and so on. So each spin stops at the second individual, whatever its fitness. If
#   all fitness is below 0, the least fit individual is picked most often. Fitness above 0 works.
#   Workaround: shift the fitness above 0, or use rank_selection, which works with both signs.
#
# Output seen (share of 10000 picks per individual, in the order of its list):
#   fitness [4, 1, 3, 2]    : [0.40, 0.10, 0.30, 0.19]
#   fitness [4, -1, 3, 2]   : [0.00, 1.00, 0.00, 0.00]
#   fitness [-4, -1, -3, -2]: [0.40, 0.10, 0.30, 0.20]
#   the same by rank_selection:
#   fitness [4, -1, 3, 2]   : [0.40, 0.10, 0.30, 0.20]
#   fitness [-4, -1, -3, -2]: [0.10, 0.40, 0.20, 0.30]
#
# Exits with 1 if inspyred behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet inspyred==1.0.3 click==8.5.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import random
import sys

from inspyred.ec import Individual
from inspyred.ec.selectors import fitness_proportionate_selection, rank_selection


def shares(select, fitness):
    """How often each individual is picked, out of 10000 spins."""
    people = [Individual(candidate=[n]) for n in range(len(fitness))]
    for person, value in zip(people, fitness):
        person.fitness = value
    picks = select(random.Random(1), list(people), {"num_selected": 10000})
    found = [sum(p is person for p in picks) / 10000 for person in people]
    print(f"fitness {str(fitness):16}: [{', '.join(f'{f:.2f}' for f in found)}]")
    return found


def near(found, true):
    return max(abs(f - t) for f, t in zip(found, true)) < 0.02


wheel = fitness_proportionate_selection
right = near(shares(wheel, [4, 1, 3, 2]), [0.4, 0.1, 0.3, 0.2])
right = right and shares(wheel, [4, -1, 3, 2]) == [0.0, 1.0, 0.0, 0.0]
right = right and near(shares(wheel, [-4, -1, -3, -2]), [0.4, 0.1, 0.3, 0.2])
print("the same by rank_selection:")
right = right and near(shares(rank_selection, [4, -1, 3, 2]), [0.4, 0.1, 0.3, 0.2])
right = right and near(shares(rank_selection, [-4, -1, -3, -2]), [0.1, 0.4, 0.2, 0.3])
sys.exit(not right)
PYTHON
