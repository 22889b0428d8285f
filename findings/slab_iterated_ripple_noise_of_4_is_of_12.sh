#!/usr/bin/env bash
# slab's iterated ripple noise of 4 iterations has the pitch strength of 12.
#
# Library: slab 1.8.2 (PyPI), seen 2026-12-01; Sound.irn.
# Guess: "iterated ripple noise [Yost 1996]": n times the noise is delayed by one period and added,
#   either to itself (add-same) or to the first noise (add-original). With a gain of 1, both
#   networks have a correlation of n / (n + 1) at the delay: 0.67, 0.8 and 0.89 for n = 2, 4 and 8.
#   This correlation is the usual measure of the pitch strength.
# Behaviour: iteration k of the source delays its last result by k periods, not by one. slab's noise
#   has 0.75, 0.92 and 0.99, as if n were 3, 12 and 179. The last echo is 3, 10 and 36 periods late
#   instead of 2, 4 and 8: at 125 Hz and n = 8, that is 288 ms instead of 64 ms. The correlation at
#   each multiple of the period is that of such a chain of delays, within 0.01.
#
# Output seen (125 Hz, 60 s at 16 kHz; correlation at one period):
#   n = 2: slab 0.75 (closed form 0.75, as n =   3), last echo  3; add-same 0.67, add-original 0.67
#   n = 4: slab 0.92 (closed form 0.92, as n =  12), last echo 10; add-same 0.80, add-original 0.80
#   n = 8: slab 0.99 (closed form 0.99, as n = 179), last echo 36; add-same 0.89, add-original 0.89
#
# Exits with 1 if slab behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2
"$folder/venv/bin/pip" install --quiet --no-deps slab==1.8.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from slab import Sound

RATE, PITCH, SECONDS = 16000, 125, 60
PERIOD = RATE // PITCH


def correlation(taps):
    """The correlation at 0, 1, 2 ... periods of white noise that is filtered with these taps."""
    whole = np.correlate(taps, taps, "full")[len(taps) - 1 :]
    return whole / whole[0]


def strength(taps):
    return correlation(taps)[1]


np.random.seed(0)
right = True
for n, last in ((2, 3), (4, 10), (8, 36)):
    same, slab = np.ones(1), np.ones(1)
    for k in range(1, n + 1):
        same = np.convolve(same, [1.0, 1.0])
        slab = np.convolve(slab, [1.0] + (k - 1) * [0.0] + [1.0])
    original = np.ones(n + 1)
    noise = Sound.irn(PITCH, n_iter=n, duration=float(SECONDS), samplerate=RATE).data[:, 0]
    power = np.abs(np.fft.rfft(noise)) ** 2
    lags = np.fft.irfft(power)[::PERIOD][: len(slab)]
    lags /= lags[0]
    as_if = strength(slab) / (1.0 - strength(slab))
    print(
        f"n = {n}: slab {lags[1]:.2f} (closed form {strength(slab):.2f}, as n = {as_if:3.0f}), "
        f"last echo {len(slab) - 1:2}; "
        f"add-same {strength(same):.2f}, add-original {strength(original):.2f}"
    )
    right = right and np.allclose(lags, correlation(slab), atol=0.01) and len(slab) - 1 == last
    right = right and np.allclose([strength(same), strength(original)], n / (n + 1))
    right = right and lags[1] > n / (n + 1) + 0.05
sys.exit(not right)
PYTHON
