#!/usr/bin/env bash
# The A-weighting of auraloss has no low end: 50 Hz is 11 dB and 20 Hz is 31 dB too loud.
#
# Library: auraloss 0.4.0 (PyPI), losses between sounds for PyTorch.
# Guess: auraloss.perceptual.FIRFilter("aw"), and perceptual_weighting=True of the STFT losses,
#   which uses it, follow the A curve within 2 dB from 20 Hz to 16 kHz, as a sound level meter does.
# Behaviour: with the default of 101 taps at 44.1 kHz the curve is flat at -19 dB below 100 Hz,
#   where A falls to -50 dB: 101 taps span 2.3 ms, a tenth of a period of 50 Hz. At 16 kHz it is 8.6
#   dB too soft, with any number of taps, since the analogue curve is bent by the bilinear
#   transform. So the loss hears hum and rumble 11 to 31 dB more than an ear, and the top octave
#   much less. With 1,001 taps 50 Hz is right within 1 dB.
#
# Output seen (dB):
#                20 Hz  50 Hz 100 Hz 200 Hz 500 Hz  1 kHz  4 kHz 10 kHz 16 kHz
#   A curve      -50.4  -30.3  -19.1  -10.8   -3.2    0.0    1.0   -2.5   -6.7
#   101 taps     -19.8  -19.2  -17.3  -12.5   -3.2   -0.1    0.9   -4.0  -15.3
#   1001 taps    -41.4  -29.6  -19.1  -10.9   -3.2    0.0    0.9   -4.0  -15.2
#
# Exits with 1 if auraloss behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet auraloss==0.4.0 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from auraloss.perceptual import FIRFilter

RATE = 44_100
PITCHES = np.array([20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 4000.0, 10_000.0, 16_000.0])


def a_curve():
    """The A-weighting of IEC 61672, in dB."""
    f = PITCHES**2
    poles = np.sqrt((f + 107.7**2) * (f + 737.9**2)) * (f + 20.6**2) * (f + 12_194.0**2)
    return 20.0 * np.log10(12_194.0**2 * f**2 / poles) + 2.0


def measured(taps):
    weights = FIRFilter("aw", fs=RATE, ntaps=taps).fir.weight.detach().numpy().ravel()
    turns = np.exp(-2j * np.pi * np.outer(PITCHES, np.arange(taps)) / RATE)
    return 20.0 * np.log10(np.abs(turns @ weights))


names = (f"{p / 1000:g} kHz" if p >= 1000 else f"{p:g} Hz" for p in PITCHES)
print(" " * 10 + "".join(f"{name:>7s}" for name in names))
rows = {"A curve": a_curve(), "101 taps": measured(101), "1001 taps": measured(1001)}
for name, row in rows.items():
    print(f"{name:10s}" + "".join(f"{round(value, 1) + 0.0:7.1f}" for value in row))
off = rows["101 taps"] - rows["A curve"]
default = np.allclose(FIRFilter("aw", fs=RATE).fir.weight.shape[-1], 101)
sys.exit(not (default and off[0] > 25.0 and 9.0 < off[1] < 13.0 and off[-1] < -7.0))
PYTHON
