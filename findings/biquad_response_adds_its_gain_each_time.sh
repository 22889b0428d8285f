#!/usr/bin/env bash
# biquad's response() adds the filter's gain once more each time, and its log scale has no lows.
#
# Library: biquad 0.5 (PyPI), filters of the Audio EQ Cookbook whose parameters can move.
# Guess: response() only returns the frequency response, like scipy.signal.freqz, to which it
#   refers: a second call gives the same. With log=True the frequencies are spaced evenly on a
#   logarithmic scale over the whole range, from the low end to half the rate.
# Behaviour: it multiplies the filter's own numerator by the gain, in place. The first call is
#   right. Each further one, and by the source each plot(), is higher by the gain, or by half of it
#   for a peak or a shelf, until a sound runs through the filter. So an equalizer's curve moves each
#   time that it is drawn, and a low-pass with 6 dB of gain shows 18 dB at the third look. The
#   logarithmic scale begins at 1 radian per sample. At 48 kHz it leaves out all below 7,639 Hz, and
#   so the peak.
#
# Output seen:
#   peak of 6 dB at 1 kHz, there:      6.0  9.0 12.0 15.0 dB
#   peak of -12 dB at 1 kHz, there:  -12.0 -18.0 -24.0 -30.0 dB
#   low-pass of 6 dB gain, at 10 Hz:   6.0 12.0 18.0 24.0 dB
#   the peak of 6 dB after a sound:    6.0 dB
#   frequencies with log=True: 7639 to 23999 Hz
#
# Exits with 1 if biquad behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet biquad==0.5 numpy==2.2.6 numba==0.68.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import biquad
import numpy as np

RATE = 48_000


def made(kind, **settings):
    """A filter that a second of silence has run through."""
    found = kind(RATE, **settings)
    found(np.zeros(RATE))
    return found


def level(shape, hertz):
    frequencies, response = shape.response()
    return 20 * np.log10(np.interp(hertz, frequencies, np.abs(response)))


peak = made(biquad.peak, f=1000, g=6)
cases = {
    "peak of 6 dB at 1 kHz, there:     ": [level(peak, 1000) for _ in range(4)],
    "peak of -12 dB at 1 kHz, there:  ": [
        level(each, 1000) for each in [made(biquad.peak, f=1000, g=-12)] * 4
    ],
    "low-pass of 6 dB gain, at 10 Hz:  ": [
        level(each, 10) for each in [made(biquad.lowpass, f=1000, g=6)] * 4
    ],
}
for name, levels in cases.items():
    print(name + " ".join(f"{each:4.1f}" for each in levels) + " dB")
peak(np.zeros(1))
again = level(peak, 1000)
print(f"the peak of 6 dB after a sound:    {again:.1f} dB")
frequencies = made(biquad.peak, f=1000, g=6).response(log=True)[0]
print(f"frequencies with log=True: {frequencies[0]:.0f} to {frequencies[-1]:.0f} Hz")
steps = [np.diff(levels) for levels in cases.values()]
drifts = all(np.allclose(step, gain, atol=0.05) for step, gain in zip(steps, (3, -6, 6)))
sys.exit(not (drifts and abs(again - 6.0) < 0.05 and frequencies[0] > 7000))
PYTHON
