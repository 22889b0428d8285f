#!/usr/bin/env bash
# hyppo's HSIC depends on units, as it uses the bandwidth of the first variable for both.
#
# Library: hyppo 0.5.2 (PyPI), seen 2026-11-30; independence.Hsic with default settings.
# Guess: the Gaussian kernel "uses the median distance as the bandwidth", as the documentation says,
#   so each variable has the bandwidth of its own distances. Then the p-value is the same in hertz
#   as in kilohertz, and nearly the same for (x, y) as for (y, x).
# Behaviour: compute_kern in hyppo/tools/common.py takes the median distance of the first variable
#   and uses it for the second one too. In the script a pitch depends on a knob of 0 to 1. With the
#   pitch in kilohertz the test finds this. With the pitch in hertz the p-value is above 0.5. The
#   distance correlation of the same library does not depend on the unit.
#   Workaround: pass a kernel function that computes its own bandwidth, as in the script.
#
# Output seen (100 pairs; pitch = 440 Hz + 400 Hz (2 knob - 1)^2, and noise of 80 Hz):
#   kHz: p-value 3e-07, pitch first 2e-09; own bandwidths 1e-06; distance correlation 3e-05
#   Hz : p-value 0.6, pitch first 1; own bandwidths 1e-06; distance correlation 3e-05
#
# Exits with 1 if hyppo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hyppo==0.5.2 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from hyppo.independence import Dcorr, Hsic
from scipy.spatial.distance import pdist, squareform


def own_bandwidth(data):
    """The Gaussian kernel whose bandwidth is the median distance of the data."""
    distances = pdist(data)
    return np.exp(-(squareform(distances / np.median(distances)) ** 2) / 2.0)


rng = np.random.default_rng(0)
knob = rng.uniform(0.0, 1.0, (100, 1))
hertz = 440.0 + 400.0 * (2.0 * knob - 1.0) ** 2 + 80.0 * rng.normal(size=(100, 1))
found = {}
for unit, pitch in (("kHz", hertz / 1000.0), ("Hz", hertz)):
    forth = Hsic().test(knob, pitch).pvalue
    back = Hsic().test(pitch, knob).pvalue
    own = Hsic(compute_kernel=own_bandwidth).test(knob, pitch).pvalue
    distance = Dcorr().test(knob, pitch).pvalue
    found[unit] = forth, back, own, distance
    print(
        f"{unit:3}: p-value {forth:.1g}, pitch first {back:.1g}; "
        f"own bandwidths {own:.1g}; distance correlation {distance:.1g}"
    )
steady = np.allclose(found["kHz"][2:], found["Hz"][2:], rtol=1e-6, atol=0.0)
right = max(found["kHz"]) < 1e-4 and max(found["Hz"][2:]) < 1e-4
sys.exit(not (steady and right and min(found["Hz"][:2]) > 0.5))
PYTHON
