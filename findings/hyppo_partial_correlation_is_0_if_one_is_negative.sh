#!/usr/bin/env bash
# hyppo's partial correlation is 0 if the third variable correlates negatively with either.
#
# Library: hyppo 0.5.2 (PyPI), tests of independence; conditional.PartialCorr.
# Guess: it is the formula of its documentation, (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2)
#   (1 - r_yz^2)), so turning the sign of z changes nothing. Its p-value is that of a t-test.
# Behaviour: the source (hyppo/conditional/pcorr.py) returns 0 if r_xz or r_yz is 0 or less, with a
#   p-value of 0.5. So x and y look independent given z as soon as one of them falls when z rises.
#   Where both rise with z, the p-value is half of the t-test's, as it is the upper tail beyond the
#   absolute value. Of pairs that are independent given z, 12 % then have a p-value below 0.05.
#   Workaround: the formula and its two-sided t-test, as in the script.
#
# Output seen (200 draws, x and y are connected beyond what z explains):
#   x rises with z, y rises: 0.52, p-value 9e-16; formula 0.52, 2e-15
#   x rises with z, y falls: 0.00, p-value 0.5; formula 0.52, 2e-15
#   x falls with z, y falls: 0.00, p-value 0.5; formula 0.52, 2e-15
#   independent given z: 12 % of 1000 tests have a p-value below 0.05
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
from hyppo.conditional import PartialCorr
from scipy.stats import t


def partial(x, y, z):
    """The partial correlation of the documentation's formula and its two-sided p-value."""
    (_, xy, xz), (_, _, yz), _ = np.corrcoef(np.hstack([x, y, z]), rowvar=False)
    r = (xy - xz * yz) / np.sqrt((1.0 - xz**2) * (1.0 - yz**2))
    freedom = len(x) - 3
    return r, 2.0 * t.sf(abs(r) * np.sqrt(freedom / (1.0 - r**2)), freedom)


rng = np.random.default_rng(0)
z, common, first, second = rng.normal(size=(4, 200, 1))
found = {}
for sign_x, sign_y in ((1, 1), (1, -1), (-1, -1)):
    x, y = sign_x * z + common + first, sign_y * z + common + second
    seen, expected = PartialCorr().test(x, y, z), partial(x, y, z)
    found[sign_x, sign_y] = seen.stat, expected[0], seen.pvalue, expected[1]
    print(
        f"x {'rises' if sign_x > 0 else 'falls'} with z, y {'rises' if sign_y > 0 else 'falls'}: "
        f"{seen.stat:.2f}, p-value {seen.pvalue:.1g}; formula {expected[0]:.2f}, {expected[1]:.1g}"
    )
calls = 0
for _ in range(1000):
    z, first, second = rng.normal(size=(3, 50, 1))
    calls += PartialCorr().test(2.0 * z + first, 2.0 * z + second, z).pvalue < 0.05
print(f"independent given z: {calls / 10:.0f} % of 1000 tests have a p-value below 0.05")
right = abs(found[1, 1][0] - found[1, 1][1]) < 1e-9
half = abs(found[1, 1][2] / found[1, 1][3] - 0.5) < 0.1
falls = found[1, -1], found[-1, -1]
zero = all(r == 0.0 and p == 0.5 and true > 0.3 for r, true, p, _ in falls)
sys.exit(not (right and half and zero and 70 < calls < 130))
PYTHON
