#!/usr/bin/env bash
# PySwarms' "random" repair puts all particles that leave the bounds at one random place.
#
# Library: pyswarms 1.3.0 (PyPI), particle swarm optimization.
# Guess: bh_strategy="random" places each particle that has left the bounds at a random place of its
#   own, so it keeps the swarm wide and repairs as well as "nearest" or "reflective".
# Behaviour: one random place is drawn for all particles above a bound, and one for all below. The
#   strays sit on each other from then on, with one cost. Soon the whole swarm of 20 sits at one or
#   two places. The best cost is ten thousand times worse than with "nearest" or "reflective". The
#   docstring says that it resets the particles that exceed the bounds to a random position.
#
# Output seen (20 particles, 5 numbers in 0 to 1, 50 iterations; 20 seeds):
#   49 strays, repaired at random: 2 different places
#   random: 1.7 different places of 20, median best cost 7.5e-02
#   nearest: 19.9 different places of 20, median best cost 5.9e-06
#   reflective: 20.0 different places of 20, median best cost 2.6e-06
#   periodic: 20.0 different places of 20, median best cost 1.3e-02
#   shrink: 20.0 different places of 20, median best cost 5.5e-06
#   intermediate: 20.0 different places of 20, median best cost 1.1e-06
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
from pyswarms.backend.handlers import BoundaryHandler

BOUNDS = np.zeros(5), np.ones(5)
OPTIONS = {"c1": 1.5, "c2": 1.5, "w": 0.7}


def cost(x):
    """The squared distance from a place within the bounds."""
    return ((x - 0.8) ** 2).sum(1)


def run(strategy, seed):
    """The best cost, and the mean number of different places of a swarm."""
    np.random.seed(seed)
    swarm = pyswarms.single.GlobalBestPSO(20, 5, OPTIONS, BOUNDS, bh_strategy=strategy)
    best, _ = swarm.optimize(cost, 50, verbose=False)
    return best, np.mean([len(np.unique(x, axis=0)) for x in swarm.pos_history])


np.random.seed(0)
places = np.random.uniform(-1.0, 2.0, (50, 5))
strays = ((places < 0.0) | (places > 1.0)).any(1)
repaired = BoundaryHandler("random")(places.copy(), BOUNDS)[strays]
different = len(np.unique(repaired, axis=0))
print(f"{strays.sum()} strays, repaired at random: {different} different places")
found = {}
for strategy in ("random", "nearest", "reflective", "periodic", "shrink", "intermediate"):
    runs = np.array([run(strategy, seed) for seed in range(20)])
    found[strategy] = np.median(runs[:, 0]), runs[:, 1].mean()
    print(
        f"{strategy}: {found[strategy][1]:.1f} different places of 20, median best cost "
        f"{found[strategy][0]:.1e}"
    )
sys.exit(not (different == 2 and found["random"][1] < 6.0 and found["reflective"][1] > 19.0))
PYTHON
