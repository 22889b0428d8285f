#!/usr/bin/env bash
# torchfx's parametric equalizer and shelves boost and cut by twice the decibels they are told to.
#
# Library: torchfx 0.8.0 (PyPI), audio filters and effects for PyTorch.
# Guess: ParametricEQ with a gain of 6 dB is 6 dB louder at its frequency. A shelf of 6 dB is 6 dB
#   louder beyond its cutoff and 3 dB at it, and one with a linear gain of 2 doubles the amplitude.
# Behaviour: each is twice that in dB: 6 becomes 12, -6 becomes -12, and a linear gain of 2 is four
#   times the amplitude. At its cutoff a shelf has all 6 dB already. A boost of 12 dB is thus 24 dB,
#   and clips. The cookbook's A is the square root of the gain, 10^(dB/40), and enters twice; here
#   it is the gain itself. The notes of ParametricEQ have the same formula, 10^(gain/20), while its
#   parameter is described as the gain in dB at the center.
#
# Output seen (the response of the coefficients, which are the same for any sound):
#   ParametricEQ, 1 kHz, 6 dB: 30 Hz 0.0 dB, 1000 Hz 12.0 dB, 20000 Hz 0.0 dB
#   ParametricEQ, 1 kHz, -6 dB: 30 Hz 0.0 dB, 1000 Hz -12.0 dB, 20000 Hz 0.0 dB
#   Peaking, 1 kHz, 6 dB: 30 Hz 0.0 dB, 1000 Hz 12.0 dB, 20000 Hz 0.0 dB
#   HiShelving, 1 kHz, 6 dB: 30 Hz 0.0 dB, 1000 Hz 6.0 dB, 20000 Hz 12.0 dB
#   LoShelving, 1 kHz, 6 dB: 30 Hz 12.0 dB, 1000 Hz 6.0 dB, 20000 Hz 0.0 dB
#   HiShelving, 1 kHz, times 2: 30 Hz 0.0 dB, 1000 Hz 6.0 dB, 20000 Hz 12.0 dB
#
# Exits with 1 if torchfx behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchfx==0.8.0 torch==2.13.0 numpy==2.2.6 scipy==1.17.1 \
    soundfile==0.14.0 annotated-types==0.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from scipy.signal import freqz
from torchfx.filter import HiShelving, LoShelving, ParametricEQ, Peaking

RATE = 48_000
FREQUENCIES = (30, 1_000, 20_000)
db, linear = {"gain_scale": "db", "fs": RATE}, {"gain_scale": "linear", "fs": RATE}
filters = {
    "ParametricEQ, 1 kHz, 6 dB": ParametricEQ(1_000, 1.0, 6.0, fs=RATE),
    "ParametricEQ, 1 kHz, -6 dB": ParametricEQ(1_000, 1.0, -6.0, fs=RATE),
    "Peaking, 1 kHz, 6 dB": Peaking(1_000, 1.0, 6.0, **db),
    "HiShelving, 1 kHz, 6 dB": HiShelving(1_000, 0.707, 6.0, **db),
    "LoShelving, 1 kHz, 6 dB": LoShelving(1_000, 0.707, 6.0, **db),
    "HiShelving, 1 kHz, times 2": HiShelving(1_000, 0.707, 2.0, **linear),
}
seen = []
for name, each in filters.items():
    each.compute_coefficients()
    above, below = (np.ravel(part.tolist()) for part in (each.b, each.a))
    response = freqz(above, below, worN=FREQUENCIES, fs=RATE)[1]
    seen.append(np.round(20.0 * np.log10(np.abs(response)), 1) + 0.0)
    row = ", ".join(f"{hz} Hz {level:.1f} dB" for hz, level in zip(FREQUENCIES, seen[-1]))
    print(f"{name}: {row}")
doubled = [[0, 12, 0], [0, -12, 0], [0, 12, 0], [0, 6, 12], [12, 6, 0], [0, 6, 12]]
sys.exit(not np.allclose(seen, doubled, atol=0.3))
PYTHON
