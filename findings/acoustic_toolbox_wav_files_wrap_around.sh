#!/usr/bin/env bash
# acoustic-toolbox's to_wav does not normalise as it says, and full scale wraps around.
#
# Library: acoustic-toolbox 0.2.2 (PyPI), acoustics in Python, the successor of python-acoustics;
#   Signal.to_wav.
# Guess: as documented, the file has a normalised 16-bit version of the signal with at least 6 dB to
#   full scale. A signal in pascals, often above 1, comes out undistorted.
# Behaviour: the samples are multiplied by 32768, lowered by 1 and cast to 16 bits, without a
#   normalisation or a limit. What is above 1, and already -1, wraps around to the other sign. A
#   sine of amplitude 1.2 has 3 dB more error than signal. A square wave of amplitude 1 is a
#   constant. Seen on x86-64.
#
# Output seen (signal to error of a sine, the samples of a square wave):
#   amplitude 0.9:  85.1 dB, [-0.9, 0.9]
#   amplitude 1.0:  86.0 dB, [1.0]
#   amplitude 1.2:  -3.0 dB, [-0.8, 0.8]
#   amplitude 2.0:  -1.3 dB, [-0.0]
#
# Exits with 1 if acoustic-toolbox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet acoustic-toolbox==0.2.2 pyoctaveband==2.0.0 \
    pandas==3.1.1 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - "$folder/sound.wav" <<'PYTHON'
import sys

import numpy as np
from acoustic_toolbox import Signal
from scipy.io import wavfile

RATE = 48_000
sine = np.sin(2.0 * np.pi * 480.0 * np.arange(RATE) / RATE + 0.1)


def through_file(sound):
    Signal(sound, RATE).to_wav(sys.argv[1])
    return wavfile.read(sys.argv[1])[1] / 32768.0


right, ratios = True, {}
for amplitude in (0.9, 1.0, 1.2, 2.0):
    sound = amplitude * sine
    heard = through_file(sound)
    error = heard - sound
    ratios[amplitude] = 10.0 * np.log10((sound @ sound) / (error @ error))
    square = sorted({round(float(value), 4) for value in through_file(amplitude * np.sign(sine))})
    print(f"amplitude {amplitude}: {ratios[amplitude]:5.1f} dB, {square}")
    right &= amplitude != 1.0 or square == [1.0]
sys.exit(not (right and ratios[0.9] > 80.0 and -4.0 < ratios[1.2] < -2.0))
PYTHON
