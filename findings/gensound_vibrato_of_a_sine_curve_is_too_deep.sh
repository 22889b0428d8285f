#!/usr/bin/env bash
# gensound's SineCurve makes a vibrato of 5 Hz 31 times too deep.
#
# Library: gensound 0.5.3 (PyPI), audio synthesis; gensound.curve.SineCurve as a frequency.
# Guess: an oscillator whose frequency is SineCurve(frequency=5, depth=10, baseline=440) runs from
#   430 to 450 Hz, as the curve's own values do. A Line as a frequency is right.
# Behaviour: an oscillator takes the curve's integral() as its phase. SineCurve.integral lacks the
#   division by 2 pi times the curve's frequency, so the depth is multiplied by that: by 31 at 5 Hz.
#   A depth of 10 Hz around 440 Hz then becomes a sweep from 126 to 754 Hz.
#   Workaround: divide the depth by 2 pi times the curve's frequency, as in the second row.
#
# Output seen (a sine of 2 seconds, its frequency without the ends):
#   Line from 430 to 450 Hz: 430 to 450 Hz
#   5.0 Hz, depth 10.000: values 430.0 to 450.0, sounds 125.8 to 754.2 Hz, 31.4 times as deep
#   5.0 Hz, depth  0.318: values 439.7 to 440.3, sounds 430.0 to 450.0 Hz, 31.4 times as deep
#   1.0 Hz, depth 10.000: values 430.0 to 450.0, sounds 377.2 to 502.8 Hz, 6.3 times as deep
#   0.5 Hz, depth 10.000: values 430.0 to 450.0, sounds 408.6 to 471.4 Hz, 3.1 times as deep
#
# Exits with 1 if gensound behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps gensound==0.5.3 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from gensound import Sine
from gensound.curve import Line, SineCurve
from scipy.signal import hilbert

RATE = 44_100


def range_of(curve):
    """The lowest and highest frequency of a sine that follows a curve."""
    samples = Sine(frequency=curve, duration=2000.0).realise(RATE).audio[0]
    frequency = np.diff(np.unwrap(np.angle(hilbert(samples)))) / (2.0 * np.pi) * RATE
    return frequency[2000:-2000].min(), frequency[2000:-2000].max()


low, high = range_of(Line(430.0, 450.0, 2000.0))
print(f"Line from 430 to 450 Hz: {low:.0f} to {high:.0f} Hz")
factors = {}
for speed, depth in ((5.0, 10.0), (5.0, 0.318), (1.0, 10.0), (0.5, 10.0)):
    curve = SineCurve(speed, depth, 440.0, 2000.0)
    values = curve.flatten(RATE)
    low_wave, high_wave = range_of(curve)
    factors[speed, depth] = (high_wave - low_wave) / np.ptp(values)
    print(
        f"{speed} Hz, depth {depth:6.3f}: values {values.min():.1f} to {values.max():.1f}, "
        f"sounds {low_wave:.1f} to {high_wave:.1f} Hz, {factors[speed, depth]:.1f} times as deep"
    )
wrong = all(
    abs(factor / (2.0 * np.pi * speed) - 1.0) < 0.05 for (speed, _), factor in factors.items()
)
sys.exit(not (wrong and abs(low - 430.0) < 1.0 and abs(high - 450.0) < 1.0))
PYTHON
