#!/usr/bin/env bash
# aeon's soft-DTW takes near series for far ones: a copy with a grain of noise is the farthest.
#
# Library: aeon 1.6.0 (PyPI), time series.
# Guess: the nearer two series are, the smaller is soft_dtw_distance. It is below 0 for near ones,
#   as soft-DTW counts all alignments, and as tslearn's soft_dtw is.
# Behaviour: the absolute value is returned, of which the documentation says only "minimum value 0".
#   So -94 becomes 94, and the nearest series comes last: silence is nearer to a sine than the sine
#   with a grain of noise. Only a series that is equal in each sample is at 0, as that case is taken
#   out beforehand. With the default gamma of 1 most distances of normalized series are below 0, and
#   nearest neighbours are of a random class. With a gamma of 0.01 they are right.
#
# Output seen:
#   a sine of 60 samples and            soft-DTW    aeon
#     itself                              -94.3     0.0
#     itself with noise of 0.000001       -94.3    94.3
#     itself with noise of 0.1            -93.3    93.3
#     half of itself                      -85.7    85.7
#     silence                             -55.4    55.4
#     a sine of twice the pitch           -55.7    55.7
#     three times itself                   37.9    37.9
#   nearest neighbours of the right class, of 40 normalized series of two pitches
#     gamma 0.01: soft-DTW 100%, aeon 100%
#     gamma 1: soft-DTW 100%, aeon 55%
#
# Exits with 1 if aeon behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aeon==1.6.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from functools import partial

import numpy as np
from aeon.distances import soft_dtw_cost_matrix, soft_dtw_distance

LENGTH = 60
random = np.random.default_rng(0)


def soft_dtw(first, second, gamma=1.0):
    """The soft minimum over all alignments of their summed squared differences."""
    costs = (first[:, None] - second[None, :]) ** 2
    table = np.full((len(first) + 1, len(second) + 1), np.inf)
    table[0, 0] = 0.0
    for row in range(len(first)):
        for column in range(len(second)):
            before = table[[row, row, row + 1], [column, column + 1, column]]
            low = before.min()
            soft = low - gamma * np.log(np.exp((low - before) / gamma).sum())
            table[row + 1, column + 1] = costs[row, column] + soft
    return float(table[-1, -1])


def signed(first, second, gamma):
    """The last entry of aeon's own table, which keeps its sign."""
    return float(soft_dtw_cost_matrix(first, second, gamma=gamma)[-1, -1])


def agree(distance, series, classes):
    """The share of series whose nearest neighbour is of their class."""
    table = np.array([[distance(first, second) for second in series] for first in series])
    np.fill_diagonal(table, np.inf)
    return float(np.mean(classes[table.argmin(axis=1)] == classes))


times = np.arange(LENGTH) / LENGTH
sine = np.sin(4.0 * np.pi * times)
others = {
    "itself": sine.copy(),
    "itself with noise of 0.000001": sine + 1e-6 * random.normal(size=LENGTH),
    "itself with noise of 0.1": sine + 0.1 * random.normal(size=LENGTH),
    "half of itself": 0.5 * sine,
    "silence": np.zeros(LENGTH),
    "a sine of twice the pitch": np.sin(8.0 * np.pi * times),
    "three times itself": 3.0 * sine,
}
print("a sine of 60 samples and            soft-DTW    aeon")
pairs = {}
for name, other in others.items():
    pairs[name] = soft_dtw(sine, other), float(soft_dtw_distance(sine, other))
    print(f"  {name:32s} {pairs[name][0]:8.1f} {pairs[name][1]:7.1f}")
classes = np.arange(40) % 2
phases = random.uniform(0.0, 2.0 * np.pi, size=(40, 1))
series = np.sin(2.0 * np.pi * (2.0 + classes[:, None]) * times + phases)
series += 0.1 * random.normal(size=series.shape)
series = (series - series.mean(axis=1, keepdims=True)) / series.std(axis=1, keepdims=True)
print("nearest neighbours of the right class, of 40 normalized series of two pitches")
shares = {}
for gamma in (0.01, 1.0):
    for measure in (signed, soft_dtw_distance):
        distance = partial(measure, gamma=gamma)
        shares[gamma, measure] = agree(distance, series, classes)
    true, seen = shares[gamma, signed], shares[gamma, soft_dtw_distance]
    print(f"  gamma {gamma:g}: soft-DTW {true:.0%}, aeon {seen:.0%}")
mirrored = all(abs(abs(true) - seen) < 0.01 for true, seen in list(pairs.values())[1:])
near, silent = pairs["itself with noise of 0.000001"], pairs["silence"]
turned = pairs["itself"][1] == 0.0 and near[0] < silent[0] and near[1] > silent[1]
right = shares[1.0, signed] > 0.95 and shares[0.01, soft_dtw_distance] > 0.95
sys.exit(not (mirrored and turned and right and shares[1.0, soft_dtw_distance] < 0.7))
PYTHON
