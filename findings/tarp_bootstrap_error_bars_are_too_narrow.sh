#!/usr/bin/env bash
# tarp's bootstrap gives error bars that are three to six times too narrow.
#
# Library: tarp 0.1.1 (PyPI), a test of whether posterior samples cover the truth as often as due.
# Guess: with bootstrap=True each of the 100 curves is from as many simulations as there are, drawn
#   with replacement. So their standard deviation is near that over new sets of simulations.
# Behaviour: each repeat replaces one simulation by another, and the next repeat goes on from there.
#   So neighbouring curves differ by one simulation of 500 or 1,000, and all of them stay near the
#   first. With given references the band is a third of the true one for 200 simulations, and a
#   sixth for 1,000. With random ones each curve draws new references, so that the band is half of
#   the true one or more. A posterior that is well calibrated looks significantly wrong.
#   (The package needs tqdm and deprecation, but does not say so.)
#
# Output seen (standard deviation of the coverage at a credibility of about 0.5; the first two
#   columns vary from run to run):
#    200: bootstrap 0.0116, with random references 0.0211; drawn anew 0.0353, new 0.0368
#    500: bootstrap 0.0044, with random references 0.0117; drawn anew 0.0207, new 0.0217
#   1000: bootstrap 0.0029, with random references 0.0084; drawn anew 0.0152, new 0.0156
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
BINS, MIDDLE = 20, 10


def simulate(count):
    """Parameters, exact posterior samples, and references that depend on neither."""
    theta = rng.standard_normal((count, 3))
    seen = theta + 0.5 * rng.standard_normal((count, 3))
    samples = 0.8 * seen + np.sqrt(0.2) * rng.standard_normal((100, count, 3))
    return samples, theta, rng.standard_normal((count, 3))


def coverage(samples, theta, references, bootstrap=False):
    copies = samples.copy(), theta.copy()  # since it overwrites its input
    found = get_tarp_coverage(*copies, references, num_alpha_bins=BINS, bootstrap=bootstrap)[0]
    return found[..., MIDDLE]


def again(samples, theta, references):
    """A bootstrap that draws all simulations with replacement."""
    drawn = rng.integers(len(theta), size=len(theta))
    return coverage(samples[:, drawn], theta[drawn], references[drawn])


rows = []
for count in (200, 500, 1000):
    bands = []
    for _ in range(9):  # tarp seeds NumPy anew at each call, so that its bands differ
        samples, theta, references = simulate(count)
        given = np.std(coverage(samples, theta, references, bootstrap=True))
        random = np.std(coverage(samples, theta, "random", bootstrap=True))
        proper = np.std([again(samples, theta, references) for _ in range(100)])
        bands.append([given, random, proper])
    fresh = np.std([coverage(*simulate(count)) for _ in range(300)])
    rows.append([*np.median(bands, axis=0), fresh])
    print(
        f"{count:4d}: bootstrap {rows[-1][0]:.4f}, with random references {rows[-1][1]:.4f}; "
        f"drawn anew {rows[-1][2]:.4f}, new {fresh:.4f}"
    )
given, random, proper, fresh = np.array(rows).T
same = np.all((0.7 < proper / fresh) & (proper / fresh < 1.5))
sys.exit(not (same and np.all(given < 0.65 * fresh) and given[2] < 0.45 * fresh[2]))
PYTHON
