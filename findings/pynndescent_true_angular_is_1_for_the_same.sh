#!/usr/bin/env bash
# PyNNDescent's distance "true_angular" is 1 for the same item and falls as the angle grows.
#
# Library: pynndescent 0.7.0 (PyPI), search for nearest neighbours.
# Guess: NNDescent(metric="true_angular") gives the angle as a part of 180 degrees: 0 for the same
#   direction, 0.25 for 45 degrees, 0.5 for 90 degrees. Its docstring says so: "Returns 0 for
#   identical directions, approaches 1 for opposite directions."
# Behaviour: it gives one minus that: 1 for the same direction, 0.75 for 45 degrees. From 90 degrees
#   on it is 3.4e38. The right neighbours are found, since the search itself uses another number,
#   but their distances fall from the first to the last. So a limit on the distance drops the best
#   and keeps the worst, and whoever weighs neighbours by closeness, or hands the graph to a
#   clustering or an embedding, puts the farthest first. metric="cosine" is sound.
#
# Output seen (neighbours of one item, nearest first, and the function itself):
#   angle in degrees     23.4   30.3   33.6   36.3   37.0   38.6
#   true_angular        0.870  0.832  0.813  0.798  0.795  0.785
#   cosine              0.082  0.136  0.167  0.194  0.201  0.219
#   true_angular at 0, 45, 89, 91, 180 degrees: 1, 0.75, 0.506, 3.4e+38, 3.4e+38
#   of 82 neighbours nearer than 20 degrees, a limit of 20/180 keeps 0
#
# Exits with 1 if pynndescent behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pynndescent==0.7.0 numpy==2.2.6 scipy==1.17.1
NUMBA_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from pynndescent import NNDescent
from pynndescent.distances import cosine, true_angular

items = np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32)


def row(name, values, form):
    print(f"{name:18s}" + "".join(f"{value + 0.0:{form}}" for value in values))


# The graph lists each item itself first, with a plain 0; its neighbours follow.
search = NNDescent(items, metric="true_angular", n_neighbors=7, random_state=0)
found, theirs = (part[:, 1:] for part in search.neighbor_graph)
lengths = np.linalg.norm(items, axis=1)
cosines = np.einsum("ij,ikj->ik", items, items[found]) / (lengths[:, None] * lengths[found])
angles = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
row("angle in degrees", angles[0], "7.1f")
row("true_angular", theirs[0], "7.3f")
row("cosine", [cosine(items[0], items[each]) for each in found[0]], "7.3f")

turns = np.radians([0, 45, 89, 91, 180])
directions = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
values = [true_angular(directions[0], each) for each in directions]
print("true_angular at 0, 45, 89, 91, 180 degrees:", ", ".join(f"{value:.3g}" for value in values))

near = angles < 20.0
kept = int((theirs[near] < 20.0 / 180.0).sum())
print(f"of {near.sum()} neighbours nearer than 20 degrees, a limit of 20/180 keeps {kept}")
falls = np.allclose(theirs, 1.0 - angles / 180.0, atol=2e-3)
ends = values[0] > 0.999 and abs(values[1] - 0.75) < 1e-3 and values[3] > 1e38
sound = abs(cosine(directions[0], directions[1]) - (1.0 - 0.5**0.5)) < 1e-4
sys.exit(not (falls and ends and sound and kept == 0))
PYTHON
