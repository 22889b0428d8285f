#!/usr/bin/env bash
# biotuner's equal temperament ends at the octave: above it each ratio is 1 higher, not doubled.
#
# Library: biotuner 0.5.1 (PyPI), seen 2026-12-01; biotuner_utils.NTET_ratios.
# Guess: it returns "a series of ratios dividing the octave in N equal steps" up to max_ratio. So
#   each ratio from 2 to 4 is twice a ratio of the first octave: the octave plus a fifth is 2.997.
# Behaviour: for the ratios from 2 to 3, the source adds 1 to each ratio of the first octave. So
#   the octave plus a fifth is 2.498, 315 cents too low. Of the 12 ratios from 2 to 3, only the
#   octave is right. The other 11 are 3 to 49 cents off the nearest note of twelve-tone equal
#   temperament. diss_curve draws its grid (n_tet_grid) from this list.
#
# Output seen (12 steps, max_ratio=3):
#   first octave, cents         : 0 100 200 300 400 500 600 700 800 900 1000 1100
#   cents above the octave      : 0 51 103 156 212 268 326 385 446 508 571 636
#   distance to the nearest note: 0 -49 3 -44 12 -32 26 -15 46 8 -29 36
#   octave plus a fifth: 2.498, should be 2.997, 315 cents too low
#
# Exits with 1 if biotuner behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.17.1 sympy==1.14.0 pandas==2.3.3 \
  matplotlib==3.10.7 mido==1.3.3
"$folder/venv/bin/pip" install --quiet --no-deps biotuner==0.5.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import importlib.util
import sys
import types

import numpy as np

# The module alone: the package's __init__ imports libraries for brain signals.
package = types.ModuleType("biotuner")
package.__path__ = importlib.util.find_spec("biotuner").submodule_search_locations
sys.modules["biotuner"] = package
from biotuner.biotuner_utils import NTET_ratios

ratios = np.array(NTET_ratios(12, 3))
cents = 1200.0 * np.log2(ratios)
off = cents - 100.0 * np.round(cents / 100.0)
print("first octave, cents         : " + " ".join(f"{c:.0f}" for c in cents[:12]))
print("cents above the octave      : " + " ".join(f"{c - 1200.0:.0f}" for c in cents[12:]))
print("distance to the nearest note: " + " ".join(f"{c:.0f}" for c in off[12:]))
flat = 1200.0 * np.log2(2.0 * ratios[7] / ratios[19])
print(
    f"octave plus a fifth: {ratios[19]:.3f}, should be {2.0 * ratios[7]:.3f}, "
    f"{flat:.0f} cents too low"
)
expected = [0, -49, 3, -44, 12, -32, 26, -15, 46, 8, -29, 36]
right = np.allclose(off[:12], 0.0, atol=1e-9) and len(ratios) == 24
sys.exit(not (right and np.allclose(off[12:], expected, atol=0.6) and abs(flat - 315) < 0.5))
PYTHON
