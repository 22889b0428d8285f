#!/usr/bin/env bash
# PyOctaveBand's crossover of order 2 or 6 has a hole where its sum should be flat.
#
# Library: PyOctaveBand 2.0.0 (PyPI), octave bands and acoustic filters in Python; linkwitz_riley.
# Guess: as documented, low and high band have a flat sum, for orders "typically 2 or 4".
# Behaviour: the sum of orders 4 and 8 is flat. With orders 2 and 6 the two bands are in opposite
#   phase, so their sum is zero at the crossover: 9.3 dB down at 700 Hz for 1000 Hz and order 2.
#   Their difference is flat, but neither band is inverted.
#
# Output seen (level of low + high, then of low - high):
#   order 2, 100, 700, 1000 and 5000 Hz: [ -0.2  -9.3 -90.   -0.6] dB, then [0. 0. 0. 0.] dB
#   order 4, 100, 700, 1000 and 5000 Hz: [0. 0. 0. 0.] dB, then [  0.   -4.2 -90.    0. ] dB
#   order 6, 100, 700, 1000 and 5000 Hz: [  0.  -2. -90.   0.] dB, then [0. 0. 0. 0.] dB
#   order 8, 100, 700, 1000 and 5000 Hz: [0. 0. 0. 0.] dB, then [  0.  -1. -90.   0.] dB
#
# Exits with 1 if PyOctaveBand behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyoctaveband==2.0.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from pyoctaveband import linkwitz_riley

RATE = 48_000
impulse = np.zeros(RATE)  # one second, so that a bin is a hertz
impulse[0] = 1.0


def levels(response):
    gains = np.abs(np.fft.rfft(response))[[100, 700, 1000, 5000]]
    return np.maximum(-90.0, 20.0 * np.log10(gains + 1e-9)).round(1) + 0.0


sums, gaps = {}, {}
for order in (2, 4, 6, 8):
    low, high = linkwitz_riley(impulse, RATE, 1000, order)
    sums[order], gaps[order] = levels(low + high), levels(low - high)
    print(f"order {order}, 100, 700, 1000 and 5000 Hz: {sums[order]} dB, then {gaps[order]} dB")
flat = all(np.allclose(each, 0.0, atol=0.1) for each in (sums[4], sums[8], gaps[2], gaps[6]))
holes = all(sums[order][2] < -80.0 and sums[order][1] < -1.5 for order in (2, 6))
sys.exit(not (flat and holes))
PYTHON
