#!/usr/bin/env bash
# scikit-maad's dBSPL_at_r0 is 6 dB too high: a level of 50 dB at 1 m becomes 56 dB at 1 m.
#
# Library: scikit-maad 1.5.2 (PyPI), seen 2026-12-01; spl.dBSPL_at_r0 with its default pRef.
# Guess: it estimates the level at the distance r0 from the level at r. So with r = r0 the level
#   stays as it is, and from 10 m to 1 m a tone of 100 Hz gains 20.0 dB.
# Behaviour: the source turns the level into a pressure with the reference of 20 micropascals, and
#   back with that of its own default, 10. The docstring does not describe this argument. All levels
#   here come back 6.02 dB too high. So a bird seems to sing with twice its sound pressure.
#   Workaround: pRef=20e-6.
#
# Output seen (a level of 50 dB SPL, 100 Hz, no habitat):
#   at  1 m: dBSPL_at_r0 56.02 dB, with pRef=20e-6 50.00 dB, by attenuation_dB 50.00 dB
#   at 10 m: dBSPL_at_r0 76.02 dB, with pRef=20e-6 70.00 dB, by attenuation_dB 70.00 dB
#   at 60 m: dBSPL_at_r0 91.60 dB, with pRef=20e-6 85.58 dB, by attenuation_dB 85.58 dB
#
# Exits with 1 if scikit-maad behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/pip" install --quiet --no-deps scikit-maad==1.5.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from maad.spl import attenuation_dB, dBSPL_at_r0


def first(value):
    return float(np.ravel(value)[0])


off, fixed = [], []
for distance in (1, 10, 60):
    seen = first(dBSPL_at_r0(100, distance, 50.0, r0=1, a0=0.0))
    other = first(dBSPL_at_r0(100, distance, 50.0, r0=1, a0=0.0, pRef=20e-6))
    true = 50.0 + first(attenuation_dB(100, distance, 1, a0=0.0)[0])
    off.append(seen - true)
    fixed.append(other - true)
    print(
        f"at {distance:2} m: dBSPL_at_r0 {seen:.2f} dB, with pRef=20e-6 {other:.2f} dB, "
        f"by attenuation_dB {true:.2f} dB"
    )
six = 20.0 * np.log10(2.0)
sys.exit(not (np.allclose(off, six, atol=0.01) and np.allclose(fixed, 0.0, atol=0.01)))
PYTHON
