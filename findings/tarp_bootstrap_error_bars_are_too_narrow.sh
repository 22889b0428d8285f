#!/usr/bin/env bash
# tarp's bootstrap gives error bars that are too narrow, by up to 14 times.
#
# Library: tarp 0.1.1 (PyPI), a test of whether posterior samples cover the truth as often as due.
# Guess: with bootstrap=True each of the 100 curves is from as many simulations as there are, drawn
#   with replacement. So their standard deviation is near that over new sets of simulations.
# Behaviour: each repeat replaces one simulation by another, and the next repeat goes on from there.
#   So neighbouring curves differ by one simulation of 500 or 2,000, and all of them stay near the
#   first. With given references the band is 0.43, 0.29 and 0.07 of the true one for 200, 500 and
#   2,000 simulations. With random ones each curve draws new references: the band is then half of
#   the true one. So a posterior that is well calibrated looks significantly wrong.
#   (The package needs tqdm and deprecation, but does not say so.)
#
# Output seen (standard deviation of the coverage at a credibility of about 0.5):
#    200: bootstrap 0.0099, with random references 0.0217; drawn anew 0.0376, new 0.0344
#    500: bootstrap 0.0031, with random references 0.0126; drawn anew 0.0218, new 0.0233
#   2000: bootstrap 0.0012, with random references 0.0061; drawn anew 0.0084, new 0.0117
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
BINS, MIDDLE = 20, 10


def simulate(count):
    """Parameters, exact posterior samples, and references that depend on neither."""
    theta = rng.standard_normal((count, 3))
    seen = theta + 0.5 * rng.standard_normal((count, 3))
    samples = 0.8 * seen + np.sqrt(0.2) * rng.standard_normal((200, count, 3))
    return samples, theta, rng.standard_normal((count, 3))


def coverage(samples, theta, references, bootstrap=False):
    copies = samples.copy(), theta.copy()  # since it overwrites its input
    found = get_tarp_coverage(*copies, references, num_alpha_bins=BINS, bootstrap=bootstrap)[0]
    return found[..., MIDDLE]


rows = []
for count in (200, 500, 2000):
    samples, theta, references = simulate(count)
    given = np.std(coverage(samples, theta, references, bootstrap=True))
    random = np.std(coverage(samples, theta, "random", bootstrap=True))
    proper = []
    for _ in range(100):
        rows_drawn = rng.integers(count, size=count)
        proper.append(
            coverage(samples[:, rows_drawn], theta[rows_drawn], references[rows_drawn])
        )
    fresh = np.std([coverage(*simulate(count)) for _ in range(100)])
    rows.append([given, random, np.std(proper), fresh])
    print(
        f"{count:4d}: bootstrap {given:.4f}, with random references {random:.4f}; "
        f"drawn anew {np.std(proper):.4f}, new {fresh:.4f}"
    )
given, random, proper, fresh = np.array(rows).T
same = np.all((0.6 < proper / fresh) & (proper / fresh < 1.6))
sys.exit(not (same and np.all(given < 0.6 * fresh) and np.all(given[1:] < 0.4 * fresh[1:])))
PYTHON
