#!/usr/bin/env bash
# synthplayer's ClipFilter with only a maximum removes the whole lower half of the wave.
#
# Library: synthplayer 2.5 (PyPI), a software synthesizer; synthplayer.oscillators.
# Guess: ClipFilter "clips the values at the given minimum and/or maximum". So with maximum=0.5 the
#   lower half of a sine stays as it is.
# Behaviour: the minimum that is not given is sys.float_info.min, which is the smallest *positive*
#   normal number, 2e-308, not the most negative one. So all that is below 0 becomes 0: the sound
#   has an offset and strong even harmonics. Even a maximum that is never reached, such as 2, turns
#   a clean sine into a half-wave rectified one. With only a minimum the filter is right.
#
# Output seen (a sine of amplitude 1):
#   maximum=0.5:                0.00 to 0.50, mean  0.21, 2nd harmonic  -12 dB
#   maximum=2.0:                0.00 to 1.00, mean  0.32, 2nd harmonic   -7 dB
#   minimum=-0.5:              -0.50 to 1.00, mean  0.11, 2nd harmonic  -15 dB
#   minimum=-9.0, maximum=0.5: -1.00 to 0.50, mean -0.11, 2nd harmonic  -15 dB
#
# Exits with 1 if synthplayer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps synthplayer==2.5 numpy==2.2.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import itertools
import sys

import numpy as np
from synthplayer.oscillators import ClipFilter, Sine

RATE = 44_100


def clipped(**bounds):
    """One second of a sine of 441 Hz through the filter."""
    blocks = ClipFilter(Sine(441, samplerate=RATE), **bounds).blocks()
    samples = itertools.chain.from_iterable(blocks)
    return np.array(list(itertools.islice(samples, RATE)))


seen = []
both = {"minimum": -9.0, "maximum": 0.5}
for bounds in ({"maximum": 0.5}, {"maximum": 2.0}, {"minimum": -0.5}, both):
    samples = clipped(**bounds)
    partials = np.abs(np.fft.rfft(samples))
    ratio = 20 * np.log10(partials[882] / partials[441])
    seen.append((samples.min(), samples.max()))
    name = ", ".join(f"{key}={value}" for key, value in bounds.items()) + ":"
    low, high, mean = samples.min(), samples.max(), samples.mean()
    print(f"{name:27}{low:5.2f} to {high:.2f}, mean {mean:5.2f}, 2nd harmonic {ratio:4.0f} dB")
halved = all(0 <= low < 1e-9 for low, _ in seen[:2])
sys.exit(not (halved and seen[2][0] == -0.5 and seen[3][0] < -0.99))
PYTHON
