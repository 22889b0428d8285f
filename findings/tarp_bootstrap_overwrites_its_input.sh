#!/usr/bin/env bash
# tarp's bootstrap overwrites the samples and the parameters that it is given.
#
# Library: tarp 0.1.1 (PyPI), a test of whether posterior samples cover the truth as often as due.
# Guess: get_tarp_coverage(samples, theta, bootstrap=True) draws simulations with replacement from
#   the arrays, and leaves the arrays as they are.
# Behaviour: each of the 100 repeats copies one simulation over another within the caller's arrays.
#   Of 100 simulations about half are gone afterwards, and others are there two or more times. It
#   says nothing, and the shapes stay. Whatever is computed next from the same arrays (another test,
#   errors, losses, plots) is computed from fewer simulations. A second call starts where the first
#   ended, so the number of distinct simulations falls with each. Give it copies.
#
# Output seen (distinct simulations left):
#   of  100, bootstrap=True, after each of three calls: [50, 33, 23]
#   of  300, bootstrap=True, after each of three calls: [229, 177, 153]
#   of 1000, bootstrap=True, after each of three calls: [912, 831, 777]
#   of  100, bootstrap=False: [100, 100, 100], arrays untouched: True
#
# Exits with 1 if tarp behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tarp==0.1.1 tqdm==4.67.1 deprecation==2.1.0 numpy==2.2.6
"$folder/venv/bin/python" - 2>"$folder/progress" <<'PYTHON'
import sys

import numpy as np
from tarp import get_tarp_coverage

rng = np.random.default_rng(0)
np.random.seed(0)


def left(count, calls, bootstrap):
    theta = rng.standard_normal((count, 2))
    samples = theta + rng.standard_normal((50, count, 2))
    before = theta.copy(), samples.copy()
    found = []
    for _ in range(calls):
        get_tarp_coverage(samples, theta, num_alpha_bins=10, bootstrap=bootstrap)
        found.append(len(np.unique(theta, axis=0)))
    return found, np.array_equal(theta, before[0]) and np.array_equal(samples, before[1])


lost = {}
for count in (100, 300, 1000):
    lost[count], _ = left(count, 3, bootstrap=True)
    print(f"of {count:4d}, bootstrap=True, after each of three calls: {lost[count]}")
plain, untouched = left(100, 3, bootstrap=False)
print(f"of  100, bootstrap=False: {plain}, arrays untouched: {untouched}")
falls = all(found[0] > found[1] > found[2] for found in lost.values())
sys.exit(not (falls and lost[100][0] < 70 and lost[1000][0] < 950 and untouched))
PYTHON
