#!/usr/bin/env bash
# slab's pink noise of two channels is nearly mono, and its second half resembles the first.
#
# Library: slab 1.8.2 (PyPI), seen 2026-12-01; Sound.powerlawnoise and Sound.pinknoise.
# Guess: with n_channels=2, "several channels of uncorrelated noise are generated", as the docstring
#   says and as Sound.whitenoise does. So the correlation of left and right is near 0.
# Behaviour: the source flattens the spectra of all channels into one, interleaved, before the
#   inverse transform. The channels are then the even and the odd samples of one noise. At 44.1 kHz
#   they correlate by 0.87 for pink noise and by 1.00 for alpha = 2. A noise that should be wide is
#   in the middle: left minus right is 11.5 and 51.5 dB softer than left plus right. For white noise
#   or two mono noises, both are equally loud within 0.3 dB. The first half of a channel correlates
#   with the second by 0.28 for pink noise, and by -0.04 for a mono one.
#   Workaround: join mono noises, such as Sound([Sound.pinknoise(), Sound.pinknoise()]).
#
# Output seen (10 s at 44.1 kHz):
#   white, n_channels=2       : left and right 0.0041, both halves  0.00, side   -0.0 dB
#   pink, n_channels=2        : left and right 0.8679, both halves  0.28, side  -11.5 dB
#   alpha = 2, n_channels=2   : left and right 1.0000, both halves  0.19, side  -51.5 dB
#   pink, two mono noises     : left and right 0.0350, both halves -0.04, side   -0.3 dB
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


def measure(name, sound):
    """Correlation of the channels, and of both halves of the first one; side to middle in dB."""
    left, right = sound.data.T
    half = len(left) // 2
    channels = np.corrcoef(left, right)[0, 1]
    halves = np.corrcoef(left[:half], left[half:])[0, 1]
    side = 10.0 * np.log10(np.var(left - right) / np.var(left + right))
    print(f"{name}: left and right {channels:6.4f}, both halves {halves:5.2f}, side {side:6.1f} dB")
    return channels, halves, side


np.random.seed(0)
own = {"duration": 10.0, "samplerate": 44100}
white = measure("white, n_channels=2       ", Sound.whitenoise(n_channels=2, **own))
pink = measure("pink, n_channels=2        ", Sound.pinknoise(n_channels=2, **own))
red = measure("alpha = 2, n_channels=2   ", Sound.powerlawnoise(alpha=2, n_channels=2, **own))
joined = measure("pink, two mono noises     ", Sound([Sound.pinknoise(**own) for _ in range(2)]))
right = max(np.abs(white)) < 0.05 and max(np.abs(joined)) < 0.35
right = right and np.allclose([pink[2], red[2]], [-11.5, -51.5], atol=0.1)
sys.exit(not (right and pink[0] > 0.8 and pink[1] > 0.2 and red[0] > 0.9999))
PYTHON
