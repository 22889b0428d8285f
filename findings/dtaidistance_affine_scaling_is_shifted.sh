#!/usr/bin/env bash
# DTAIDistance's affine scaling of a series to its double shifts it by twice its mean.
#
# Library: dtaidistance 2.5.1 (PyPI), seen 2026-12-01; affinedtw.scale with its z-normalization.
# Guess: scale(s1, s2) returns a * s1 + b with the a and b that bring s1 closest to s2. If s2 is
#   twice s1, it returns s2. The z-normalization is documented as what "makes the affine
#   transformation more stable". It does not change where the series ends up.
# Behaviour: the factor a is right, but b is not. When the source undoes the z-normalization, it
#   multiplies by the ratio of the standard deviations twice. So a curve from 4 to 6 that is scaled
#   to its double lands at -2 to 2 instead of at 8 to 12. If the mean of s1 is 0, it is right, and
#   so is preprocessing.scale_linearly. Workaround: take the mean off s1 first.
#
# Output seen (s1 has a mean of 5; greatest error of the scaled series):
#   s2 = 1.0 * s1 + 7.0: error  0.00, mean taken off first 0.00, scale_linearly 0.00
#   s2 = 2.0 * s1 + 0.0: error 10.00, mean taken off first 0.00, scale_linearly 0.00
#   s2 = 3.0 * s1 + 1.0: error 30.00, mean taken off first 0.00, scale_linearly 0.00
#   s2 = 0.5 * s1 + 0.0: error  1.25, mean taken off first 0.00, scale_linearly 0.00
#
# Exits with 1 if dtaidistance behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dtaidistance==2.5.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from dtaidistance import affinedtw, preprocessing

first = 5.0 + np.sin(2.0 * np.pi * np.arange(200) / 200.0)
right = True
for factor, offset in ((1.0, 7.0), (2.0, 0.0), (3.0, 1.0), (0.5, 0.0)):
    second = factor * first + offset
    made = (affinedtw.scale(first, second), affinedtw.scale(first - 5.0, second))
    made += (preprocessing.scale_linearly(first, second),)
    errors = [np.abs(m - second).max() for m in made]
    print(f"s2 = {factor} * s1 + {offset}: error {errors[0]:5.2f}, ", end="")
    print(f"mean taken off first {errors[1]:.2f}, scale_linearly {errors[2]:.2f}")
    b, a = affinedtw.warping_path_and_coeff(first, second)[2]
    seen = offset + (factor - factor**2) * 5.0
    right = right and np.allclose([a, b], [factor, seen], atol=1e-6)
    right = right and np.allclose(errors, [abs(seen - offset), 0.0, 0.0], atol=1e-6)
sys.exit(not right)
PYTHON
