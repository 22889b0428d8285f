#!/usr/bin/env bash
# slab computes a number minus a signal, or a number divided by a signal, in the other order.
#
# Library: slab 1.8.2 (PyPI), seen 2026-12-01; the operators of Signal, Sound and Filter.
# Guess: 1 - signal is 1 minus each sample, and 1 / signal is one divided by each sample, as with
#   NumPy's arrays. The docstring says that Signal "provides arithmetic operations".
# Behaviour: the source has __rsub__ = __sub__ and __rtruediv__ = __truediv__. So 1 - signal is
#   signal - 1, and 1 / signal is the signal itself. In the script, an envelope of 0.1 turns a copy
#   of a sound down by 1 - envelope. The copy has 0.9 times the amplitude, but the wrong sign. So
#   the mix of the sound and its copy cancels to -20 dB, where 5.6 dB is right. The inverse of a
#   gain of -20 dB doubles the cut to -40 dB instead of undoing it.
#   Workaround: -(signal - 1), and signal ** -1.
#
# Output seen:
#   samples   : [0.   0.25 1.   4.  ]
#   1 - signal: [-1.   -0.75  0.    3.  ], with NumPy [ 1.    0.75  0.   -3.  ]
#   1 / signal:     [0.25 1.   4.  ], with NumPy [4.   1.   0.25]
#   tone + tone * (1 - envelope)    : -20.0 dB, right   5.6 dB
#   tone * envelope * (1 / envelope): -40.0 dB, right   0.0 dB
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
from slab import Signal, Sound


def decibels(new, old):
    return 20.0 * np.log10(np.sqrt(np.mean(new.data**2) / np.mean(old.data**2)))


samples = np.array([0.0, 0.25, 1.0, 4.0])
minus = (1 - Signal(samples)).data[:, 0]
over = (1 / Signal(samples[1:])).data[:, 0]
print(f"samples   : {samples}")
print(f"1 - signal: {minus}, with NumPy {1 - samples}")
print(f"1 / signal:     {over}, with NumPy {1 / samples[1:]}")

tone = Sound.tone(440, duration=0.1, samplerate=44100)
envelope = Sound(np.full(tone.n_samples, 0.1), samplerate=44100)
ducked, true = tone * (1 - envelope), tone * -(envelope - 1)
mixes = decibels(tone + ducked, tone), decibels(tone + true, tone)
print(f"tone + tone * (1 - envelope)    : {mixes[0]:5.1f} dB, right {mixes[1]:5.1f} dB")
undone = tone * envelope * (1 / envelope), tone * envelope * envelope**-1
gains = [decibels(u, tone) for u in undone]
print(f"tone * envelope * (1 / envelope): {gains[0]:5.1f} dB, right {gains[1]:5.1f} dB")
turned = np.array_equal(minus, samples - 1) and np.array_equal(over, samples[1:])
sys.exit(not (turned and np.allclose([*mixes, *gains], [-20, 5.575, -40, 0], atol=0.01)))
PYTHON
