#!/usr/bin/env bash
# tarp seeds NumPy's global generator, so a seed given to tarp makes all later draws the same.
#
# Library: tarp 0.1.1 (PyPI), a test of whether posterior samples cover the truth as often as due.
# Guess: get_tarp_coverage has a generator of its own for its seed. Without a seed it draws from the
#   global one, so that numpy.random.seed before it makes its curve repeatable.
# Behaviour: it calls numpy.random.seed(seed) at each call. With a seed, what the caller draws after
#   it is the same after each call: a training that checks its coverage once per epoch with seed=0
#   sees the same simulations or augmentations in each epoch. Without a seed it calls
#   numpy.random.seed(None): a seed that the caller has set is lost, and neither its curve nor
#   anything drawn later can be repeated. With bootstrap=True and a seed, the same happens in each
#   repeat: it draws the same each time, so that its curves are equal and its error bars 0.
#
# Output seen:
#   drawn with seed=0:    0.076, 0.593, 0.593, 0.593, 0.593
#   without a seed, two runs after numpy.random.seed(7): 1 of 5 draws are equal
#   the curve is repeatable after numpy.random.seed(7): False
#   different curves of 100 repeats with bootstrap=True and seed=0: 1
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
theta = rng.standard_normal((500, 2))
samples = theta + rng.standard_normal((50, 500, 2))


def epochs(seed):
    """The first number that a training draws in each of five epochs."""
    np.random.seed(7)
    drawn = []
    for _ in range(5):
        drawn.append(np.random.rand())
        get_tarp_coverage(samples, theta, num_alpha_bins=10, seed=seed)
    return drawn


def curve():
    np.random.seed(7)
    return get_tarp_coverage(samples, theta, num_alpha_bins=10)[0]


seeded, again, free, also = epochs(0), epochs(0), epochs(None), epochs(None)
print("drawn with seed=0:   ", ", ".join(f"{value:.3f}" for value in seeded))
repeats = sum(one == other for one, other in zip(free, also, strict=True))
print(f"without a seed, two runs after numpy.random.seed(7): {repeats} of 5 draws are equal")
print(f"the curve is repeatable after numpy.random.seed(7): {np.array_equal(curve(), curve())}")
many, _ = get_tarp_coverage(
    samples.copy(), theta.copy(), num_alpha_bins=10, seed=0, bootstrap=True
)
different = len(np.unique(many.round(9), axis=0))
print(f"different curves of 100 repeats with bootstrap=True and seed=0: {different}")
same = len(set(seeded[1:])) == 1 and seeded == again
sys.exit(not (same and repeats == 1 and not np.array_equal(curve(), curve()) and different < 5))
PYTHON
