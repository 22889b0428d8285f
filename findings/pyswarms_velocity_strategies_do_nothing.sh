#!/usr/bin/env bash
# PySwarms' velocity strategies "zero" and "invert" do nothing, and "adjust" stops all particles.
#
# Library: pyswarms 1.3.0 (PyPI), particle swarm optimization.
# Guess: with vh_strategy="zero" a particle that has left the bounds stops, and with "invert" it
#   turns round, so both give other runs than "unmodified". "adjust" takes the velocity that agrees
#   with the repaired position, and searches about as well.
# Behaviour: "zero" and "invert" give the run of "unmodified" to the last digit. They look for
#   particles out of bounds, but the boundary strategy has repaired the positions that they get.
#   "adjust" returns the last step of each particle in place of its new velocity, and there was none
#   before the first. So no particle ever moves: all iterations try the first random places again,
#   and the best cost stays what it was. The cost history of such a run looks converged.
#
# Output seen (20 particles, 5 numbers in 0 to 1, 50 iterations; the best costs of 3 seeds):
#   reflective, unmodified: 4.133e-05, 1.233e-06, 1.136e-05
#   reflective, zero: 4.133e-05, 1.233e-06, 1.136e-05
#   reflective, invert: 4.133e-05, 1.233e-06, 1.136e-05
#   reflective, adjust: 7.655e-02, 2.247e-02, 4.696e-02
#   nearest, unmodified: 7.122e-06, 7.647e-07, 2.251e-06
#   nearest, zero: 7.122e-06, 7.647e-07, 2.251e-06
#   nearest, invert: 7.122e-06, 7.647e-07, 2.251e-06
#   nearest, adjust: 7.655e-02, 2.247e-02, 4.696e-02
#   periodic, unmodified: 1.309e-02, 1.780e-02, 2.150e-02
#   periodic, zero: 1.309e-02, 1.780e-02, 2.150e-02
#   periodic, invert: 1.309e-02, 1.780e-02, 2.150e-02
#   periodic, adjust: 7.655e-02, 2.247e-02, 4.696e-02
#   the first random places: 7.655e-02, 2.247e-02, 4.696e-02
#
# Exits with 1 if PySwarms behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyswarms==1.3.0 numpy==2.2.6 scipy==1.17.1 setuptools==80.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import logging
import sys

import numpy as np

logging.disable(logging.CRITICAL)
import pyswarms

BOUNDS = np.zeros(5), np.ones(5)
OPTIONS = {"c1": 1.5, "c2": 1.5, "w": 0.7}


def cost(x):
    """The squared distance from a place within the bounds."""
    return ((x - 0.8) ** 2).sum(1)


def run(boundary, velocity, seed):
    """The best cost of a run, and the best of its first places."""
    np.random.seed(seed)
    handlers = {"bh_strategy": boundary, "vh_strategy": velocity}
    swarm = pyswarms.single.GlobalBestPSO(20, 5, OPTIONS, BOUNDS, **handlers)
    best, _ = swarm.optimize(cost, 50, verbose=False)
    return best, swarm.cost_history[0]


found = {}
for boundary in ("reflective", "nearest", "periodic"):
    for velocity in ("unmodified", "zero", "invert", "adjust"):
        runs = [run(boundary, velocity, seed) for seed in range(3)]
        found[boundary, velocity] = [best for best, _ in runs]
        firsts = [first for _, first in runs]
        bests = ", ".join(f"{best:.3e}" for best in found[boundary, velocity])
        print(f"{boundary}, {velocity}: {bests}")
print("the first random places:", ", ".join(f"{first:.3e}" for first in firsts))
boundaries = ("reflective", "nearest", "periodic")
same = all(
    found[boundary, "unmodified"] == found[boundary, velocity]
    for boundary in boundaries
    for velocity in ("zero", "invert")
)
still = all(found[boundary, "adjust"] == firsts for boundary in boundaries)
sys.exit(not (same and still and found["nearest", "unmodified"][0] < 1e-4))
PYTHON
