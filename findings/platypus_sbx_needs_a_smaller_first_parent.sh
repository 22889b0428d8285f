#!/usr/bin/env bash
# Platypus' SBX crosses only those variables that are smaller in the first parent.
#
# Library: Platypus-Opt 1.4.1 (PyPI), seen 2026-12-01; operators.SBX.
# Guess: simulated binary crossover changes each variable with a chance of 1/2, as the source does,
#   and does not depend on the order of the two parents.
# Behaviour: the source goes on only if x2 - x1 exceeds a small number, without taking the absolute
#   value. So a variable that is larger in the first parent stays as it is in both children. With
#   random parents a quarter of the variables is crossed, not half of them. HUX, the crossover for
#   bits, does not depend on the order.
#
# Output seen (1000 pairs of 10 variables; share of variables that the crossover changes):
#   SBX, first parent 0.3, second parent 0.7: 0.50
#   SBX, first parent 0.7, second parent 0.3: 0.00
#   SBX, random parents                     : 0.25
#   HUX, first parent 0, second parent 1    : 0.49
#   HUX, first parent 1, second parent 0    : 0.50
#
# Exits with 1 if Platypus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps Platypus-Opt==1.4.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import random
import sys

from platypus import HUX, SBX, Binary, Problem, Real, Solution

random.seed(0)
COUNT = 10


def share(operator, kind, first, second):
    """The share of variables that the crossover changes in the first child."""
    problem, changed = Problem(COUNT, 1), 0
    problem.types[:] = kind
    for _ in range(1000):
        parents = Solution(problem), Solution(problem)
        for parent, value in zip(parents, (first, second)):
            parent.variables[:] = [value() for _ in range(COUNT)]
        child = operator.evolve(list(parents))[0]
        changed += sum(a != b for a, b in zip(child.variables, parents[0].variables))
    return changed / (1000 * COUNT)


real, bit, sbx, hux = Real(0, 1), Binary(1), SBX(1.0, 15.0), HUX(1.0)
up = share(sbx, real, lambda: 0.3, lambda: 0.7)
down = share(sbx, real, lambda: 0.7, lambda: 0.3)
mixed = share(sbx, real, random.random, random.random)
bits = [share(hux, bit, lambda: [a], lambda: [not a]) for a in (False, True)]
print(f"SBX, first parent 0.3, second parent 0.7: {up:.2f}")
print(f"SBX, first parent 0.7, second parent 0.3: {down:.2f}")
print(f"SBX, random parents                     : {mixed:.2f}")
print(f"HUX, first parent 0, second parent 1    : {bits[0]:.2f}")
print(f"HUX, first parent 1, second parent 0    : {bits[1]:.2f}")
right = abs(up - 0.5) < 0.02 and down == 0.0 and abs(mixed - 0.25) < 0.02
sys.exit(not (right and max(abs(b - 0.5) for b in bits) < 0.02))
PYTHON
