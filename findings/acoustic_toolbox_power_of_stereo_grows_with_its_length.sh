#!/usr/bin/env bash
# acoustic-toolbox's power of a stereo sound grows with its length: it divides by 2, not by samples.
#
# Library: acoustic-toolbox 0.2.2 (PyPI), acoustics in Python, the successor of python-acoustics;
#   Signal.power and Signal.energy.
# Guess: the power of a sine of amplitude 1 is 0.5 per channel, for any length. The documentation
#   has the sum of squares over N, and "total energy per channel".
# Behaviour: that holds for a signal of one dimension. With channels, power divides by len(signal),
#   which is the number of channels, and energy adds up all channels. So the power of a second at 48
#   kHz is 24,000 instead of 0.5, and that of two seconds 48,000. Signal.ms gives 0.5 for both.
#
# Output seen:
#   mono, 1 s: power 0.5, mean square 0.5
#   stereo, 1 s: power 24000.0, mean square 0.5
#   mono, 2 s: power 0.5, mean square 0.5
#   stereo, 2 s: power 48000.0, mean square 0.5
#
# Exits with 1 if acoustic-toolbox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet acoustic-toolbox==0.2.2 pyoctaveband==2.0.0 \
    pandas==3.1.1 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from acoustic_toolbox import Signal

RATE = 48_000
powers = {}
for seconds in (1, 2):
    sine = np.sin(2.0 * np.pi * 480.0 * np.arange(seconds * RATE) / RATE)
    for name, sound in (("mono", sine), ("stereo", np.stack([sine, sine]))):
        signal = Signal(sound, RATE)
        powers[name, seconds] = signal.power()
        means = np.ravel(np.asarray(signal.ms()))[0]
        print(f"{name}, {seconds} s: power {signal.power():.1f}, mean square {means:.1f}")
right = all(abs(powers["mono", seconds] - 0.5) < 1e-6 for seconds in (1, 2))
grows = abs(powers["stereo", 1] - 24_000) < 1 and abs(powers["stereo", 2] - 48_000) < 1
sys.exit(not (right and grows))
PYTHON
