#!/usr/bin/env bash
# Voyager's Euclidean distances are the squares of the distances.
#
# Library: voyager 2.2.3 (PyPI), Spotify's search for nearest neighbours.
# Guess: the point (3, 4) is 5 away from (0, 0) in Space.Euclidean. The documentation says so too:
#   "Euclidean distance; also known as L2 distance. The square root of the sum of the squared
#   differences between each element of each vector."
# Behaviour: query and get_distance both return 25. The order of the neighbours is right, since
#   a square rises with its root. But each number made of the distances is wrong: a limit of 0.5
#   lets through what is 0.7 away, the mean distance of two sets of sounds grows by four when the
#   features double, and the ratio of first to second neighbour (a test for duplicates) is squared.
#   The root must be taken by hand.
#
# Output seen:
#   distance of (3, 4) from (0, 0):  query 25.0, get_distance 25.0, NumPy 5.0
#   median distance of a neighbour:  query 16.49, NumPy 4.06
#   features twice as large:         query 4.00 times as far, NumPy 2.00 times
#   neighbours closer than 4:        query 0 of 200, NumPy 94 of 200
#
# Exits with 1 if voyager behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet voyager==2.2.3 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from voyager import Index, Space


def index_of(items):
    index = Index(Space.Euclidean, items.shape[1])
    index.add_items(items)
    return index


corner, origin = np.array([3, 4], np.float32), np.array([0, 0], np.float32)
small = index_of(np.array([origin]))
queried = float(small.query(corner, k=1)[1][0])
asked = small.get_distance(corner, origin)
print(
    f"distance of (3, 4) from (0, 0):  query {queried:.1f}, get_distance {asked:.1f}, "
    f"NumPy {np.linalg.norm(corner - origin):.1f}"
)

random = np.random.default_rng(0)
sounds = random.normal(size=(2000, 16)).astype(np.float32)
sought = random.normal(size=(200, 16)).astype(np.float32) * 1.5


def nearest(scale):
    """The distance of the nearest item as voyager gives it, and as NumPy does for the same item."""
    found, theirs = index_of(sounds * scale).query(sought * scale, k=1, num_threads=1)
    return theirs[:, 0], np.linalg.norm((sounds[found[:, 0]] - sought) * scale, axis=1)


theirs, true = nearest(1.0)
theirs_twice, true_twice = nearest(2.0)
medians = f"query {np.median(theirs):.2f}, NumPy {np.median(true):.2f}"
print(f"median distance of a neighbour:  {medians}")
ratios = np.median(theirs_twice) / np.median(theirs), np.median(true_twice) / np.median(true)
twice = f"query {ratios[0]:.2f} times as far, NumPy {ratios[1]:.2f} times"
print(f"features twice as large:         {twice}")
near = int((theirs < 4).sum()), int((true < 4).sum())
print(f"neighbours closer than 4:        query {near[0]} of 200, NumPy {near[1]} of 200")
squared = np.allclose(theirs, true**2, rtol=1e-3) and queried == asked == 25.0
sys.exit(not (squared and ratios[0] > 3.9 and near[0] < near[1]))
PYTHON
