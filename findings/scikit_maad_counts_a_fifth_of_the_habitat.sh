#!/usr/bin/env bash
# scikit-maad counts a fifth of the habitat's decibels: 20 dB of forest become 3.8 dB.
#
# Library: scikit-maad 1.5.2 (PyPI), seen 2026-12-01; spl.pressure_at_r0. By the source,
#   dBSPL_at_r0 and apply_attenuation use the same factor.
# Guess: the habitat attenuates by a0 in "dB/kHz/m". With the default of 0.02, a tone of 10 kHz
#   loses 20 dB in 100 m, and attenuation_dB of the same library says so.
# Behaviour: to turn decibels into an exponent, the source divides by 20 and multiplies by log10(e),
#   where it should divide by 20 log10(e), as it does for the air. So the decibels are multiplied by
#   log10(e)^2 = 0.19. The pressure at the source is far too low: for a call of 10 kHz from 101 m
#   away, by 16 dB.
#
# Output seen (from 101 m back to 1 m; the difference that a0 = 0.02 makes):
#    2000 Hz: pressure_at_r0 0.75 dB, attenuation_dB  4.00 dB, 0.02 dB/kHz/m * 100 m =  4.00 dB
#    5000 Hz: pressure_at_r0 1.89 dB, attenuation_dB 10.00 dB, 0.02 dB/kHz/m * 100 m = 10.00 dB
#   10000 Hz: pressure_at_r0 3.77 dB, attenuation_dB 20.00 dB, 0.02 dB/kHz/m * 100 m = 20.00 dB
#   ratio 0.1886, log10(e)^2 = 0.1886
#   without habitat, both differ by at most 0.000000 dB
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
from maad.spl import attenuation_dB, pressure_at_r0


def factor(hertz, habitat):
    """By how many decibels the pressure at 1 m is above the one at 101 m."""
    return 20.0 * np.log10(float(np.ravel(pressure_at_r0(hertz, 101, 1.0, a0=habitat))[0]))


def decibels(hertz, habitat):
    return float(np.ravel(attenuation_dB(hertz, 101, 1, a0=habitat)[0])[0])


ratios, right, air = [], [], []
for hertz in (2000, 5000, 10000):
    seen = factor(hertz, 0.02) - factor(hertz, 0.0)
    other = decibels(hertz, 0.02) - decibels(hertz, 0.0)
    true = 0.02 * hertz / 1000.0 * 100.0
    ratios.append(seen / true)
    right.append(other / true)
    air.append(factor(hertz, 0.0) - decibels(hertz, 0.0))
    print(
        f"{hertz:5} Hz: pressure_at_r0 {seen:4.2f} dB, attenuation_dB {other:5.2f} dB, "
        f"0.02 dB/kHz/m * 100 m = {true:5.2f} dB"
    )
print(f"ratio {ratios[0]:.4f}, log10(e)^2 = {np.log10(np.e) ** 2:.4f}")
print(f"without habitat, both differ by at most {np.max(np.abs(air)):.6f} dB")
fifth = np.allclose(ratios, np.log10(np.e) ** 2, atol=1e-6)
sys.exit(not (fifth and np.allclose(right, 1.0) and np.allclose(air, 0.0, atol=1e-6)))
PYTHON
