#!/usr/bin/env bash
# yodel's delay line counts the fraction of a sample backwards: its comb of D7 is 149 cents sharp.
#
# Library: yodel 0.3.0 (PyPI), seen 2026-12-01; delay.DelayLine and filter.Comb.
# Guess: a delay that is no whole number of samples is interpolated: an impulse delayed by 10.25
#   samples is 0.75 at 10 and 0.25 at 11. A feedback comb rings at 1 / delay.
# Behaviour: the source subtracts the whole samples from the write position, but adds the fraction.
#   So 10.25 samples are 9.75, and 10.75 are 9.25. The project's own test of a delay of 23.125
#   samples expects 22.875. Combs at 44.1 kHz are sharp: A5 by 8, B5 by 51 and D7 by 149 cents.
#   Below one sample, it reads past the newest sample: with a delay of half a sample, half of the
#   sound comes 65535 samples late, about 1.5 s (at the default maximum of 1 s).
#
# Output seen (44.1 kHz):
#   delay of 10.25 samples: 0.25 at 9, 0.75 at 10
#   delay of 10.75 samples: 0.75 at 9, 0.25 at 10
#   delay of  0.50 samples: 0.50 at 0, 0.50 at 65535
#   comb of A5: set to 880.0 Hz, rings at 884.0 Hz, +8 cents
#   comb of B5: set to 987.8 Hz, rings at 1017.2 Hz, +51 cents
#   comb of D7: set to 2349.3 Hz, rings at 2560.0 Hz, +149 cents
#
# Exits with 1 if yodel behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet yodel==0.3.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from yodel.delay import DelayLine
from yodel.filter import Comb

RATE = 44100
sizes = []
for samples in (10.25, 10.75, 0.5):
    sound = [1.0] + [0.0] * 70000
    DelayLine(RATE, delay=1000.0 * samples / RATE).process(sound, out := [0.0] * len(sound))
    taps = [(n, v) for n, v in enumerate(out) if v > 1e-6]
    sizes.append(sum(n * v for n, v in taps))
    print(f"delay of {samples:5.2f} samples: " + ", ".join(f"{v:.2f} at {n}" for n, v in taps))

cents = []
for name, key in (("A5", 81), ("B5", 83), ("D7", 98)):
    pitch = 440.0 * 2.0 ** ((key - 69) / 12.0)
    comb = Comb(RATE, 0.0, 0.0)
    comb.feedback(1000.0 / pitch, 0.99)
    sound = [1.0] + [0.0] * 20000
    comb.process(sound, out := [0.0] * len(sound))
    size = 1 << 19
    bins = np.abs(np.fft.rfft(out, size))
    low, high = int(0.8 * pitch * size / RATE), int(1.2 * pitch * size / RATE)
    heard = (low + np.argmax(bins[low:high])) * RATE / size
    cents.append(1200.0 * np.log2(heard / pitch))
    print(f"comb of {name}: set to {pitch:.1f} Hz, rings at {heard:.1f} Hz, {cents[-1]:+.0f} cents")
right = np.allclose(sizes, [9.75, 9.25, 0.5 * 65535], atol=1e-6)
sys.exit(not (right and np.allclose(cents, [8, 51, 149], atol=1.5)))
PYTHON
