#!/usr/bin/env bash
# slab's spectrum in dB per hertz falls by 10 dB when a noise is ten times as long.
#
# Library: slab 1.8.2 (PyPI), seen 2026-12-01; Sound.spectrum.
# Guess: it is the "power spectral density", and "the values do not depend on the length of the
#   signal", as the docstring says. The plot's unit is dB/Hz. White noise of the power p at the rate
#   r has 2 p / r at each frequency, whatever its duration is.
# Behaviour: the source divides the squared transform by the squared number of bins, not by the
#   length and the rate. That keeps the peak of a sine, but lets noise fall by 10 dB if it is ten
#   times as long. White noise of 1 s is 3 dB above its density, and noise of 10 and 100 s is 7 and
#   17 dB below it. A sine of amplitude 1 reads 0 dB at each length.
#   Workaround: scipy.signal.periodogram.
#
# Output seen (8 kHz):
#     1 s: slab  -33.1 dB/Hz, scipy  -36.1, closed form  -36.1; sine of amplitude 1: -0.0 dB
#    10 s: slab  -43.0 dB/Hz, scipy  -36.0, closed form  -36.0; sine of amplitude 1: -0.0 dB
#   100 s: slab  -53.0 dB/Hz, scipy  -36.0, closed form  -36.0; sine of amplitude 1: -0.0 dB
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
from scipy.signal import periodogram
from slab import Sound

RATE = 8000
np.random.seed(0)
off, others, peaks = [], [], []
for seconds in (1, 10, 100):
    noise = Sound(np.random.randn(seconds * RATE, 1), samplerate=RATE)
    sine = Sound(np.sin(2.0 * np.pi * 1000.0 * np.arange(seconds * RATE) / RATE), samplerate=RATE)
    density = 10.0 * np.log10(2.0 * np.var(noise.data) / RATE)  # closed form
    seen, _ = noise.spectrum(show=False, log_power=False)
    seen = 10.0 * np.log10(seen.mean())
    other = 10.0 * np.log10(periodogram(noise.data[:, 0], RATE)[1][1:-1].mean())
    peaks.append(sine.spectrum(show=False)[0].max())
    off.append(seen - density)
    others.append(other - density)
    print(
        f"{seconds:3} s: slab {seen:6.1f} dB/Hz, scipy {other:6.1f}, closed form {density:6.1f}; "
        f"sine of amplitude 1: {peaks[-1]:4.1f} dB"
    )
right = np.allclose(others, 0.0, atol=0.2)
right = right and np.allclose(peaks, 0.0, atol=0.01)
sys.exit(not (right and np.allclose(off, [3, -7, -17], atol=0.2)))
PYTHON
