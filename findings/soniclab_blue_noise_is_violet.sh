#!/usr/bin/env bash
# soniclab's blue noise is violet: it rises by 6 dB per octave, not by 3.
#
# Library: soniclab 2026.2.0 (PyPI), a synthesis engine; soniclab.generators.noise.
# Guess: blue noise rises by "+3 dB per octave", as the docstring of blue_noise says, where pink
#   falls by 3 and brown by 6.
# Behaviour: it is the first difference of white noise, as the docstring also says. Its power goes
#   with the square of the frequency: that is violet noise. Against blue noise of the same level at
#   1 kHz it is, by calculation, 12 dB too soft at 60 Hz and 8.5 dB too loud at 8 kHz. A pink filter
#   over it leaves a rise of 3 dB per octave.
#
# Output seen:
#   white: slope  0.0 dB per octave from 60 Hz to 4 kHz, expected  0.0
#   pink : slope -3.1 dB per octave from 60 Hz to 4 kHz, expected -3.0
#   brown: slope -6.0 dB per octave from 60 Hz to 4 kHz, expected -6.0
#   blue : slope  6.0 dB per octave from 60 Hz to 4 kHz, expected  3.0
#
# Exits with 1 if soniclab behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps soniclab==2026.2.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from scipy.signal import welch
from soniclab.generators import noise

RATE = 44_100
kinds = {
    "white": (noise.white_noise, 0.0),
    "pink": (noise.pink_noise, -3.0),
    "brown": (noise.brownian_noise, -6.0),
    "blue": (noise.blue_noise, 3.0),
}
seen = {}
for name, (make, expected) in kinds.items():
    samples = np.asarray(make(dur=30.0, sr=RATE, seed=0), float)
    frequencies, density = welch(samples, RATE, nperseg=16_384)
    inside = (frequencies > 60) & (frequencies < 4000)
    seen[name] = np.polyfit(np.log2(frequencies[inside]), 10 * np.log10(density[inside]), 1)[0]
    slope = f"{seen[name] + 0.0:4.1f} dB per octave from 60 Hz to 4 kHz"
    print(f"{name:5}: slope {slope}, expected {expected:4.1f}")
sys.exit(not (abs(seen["blue"] - 6.0) < 0.2 and abs(seen["white"]) < 0.2))
PYTHON
