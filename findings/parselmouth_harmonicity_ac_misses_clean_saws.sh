#!/usr/bin/env bash
# Parselmouth's to_harmonicity_ac finds no harmonics in a clean saw of 150 Hz, and 14 dB at 220 Hz.
#
# Library: praat-parselmouth 0.4.7 (PyPI), Praat in Python.
# Guess: the harmonics-to-noise ratio of a clean saw is above 40 dB, and noise at -20 dB makes it 20
#   dB. The defaults of to_harmonicity_ac are those of Praat's own command.
# Behaviour: the default window holds 1 period of the lowest pitch, 75 Hz. That is right for
#   to_harmonicity_cc, but autocorrelation needs several: Praat's manual has 4.5 as the standard. So
#   every frame of a saw of 80 to 150 Hz is -200 dB, as if it were silent. One of 220 Hz has 14 dB,
#   however little noise there is. A clean bass is taken for noise. With periods_per_window=4.5 it
#   is right, and so is to_harmonicity, which takes "cc" unless told otherwise.
#
# Output seen (HNR, dB; "none": each frame is -200 dB):
#                  ac, default     ac, 4.5          cc
#   saw  80 Hz            none        40.5        55.4
#   saw 110 Hz            none        77.7        62.8
#   saw 150 Hz            none       119.9       125.7
#   saw 220 Hz            13.9       110.4        59.5
#   noise -40 dB          13.9        41.2        40.3
#   noise -20 dB          15.3        20.1        20.2
#   noise -10 dB          11.3        10.1        10.2
#
# Exits with 1 if parselmouth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet praat-parselmouth==0.4.7 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import parselmouth

RATE = 44_100
TIME = np.arange(2 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIME))


def saw(hz):
    return 0.3 * sum(np.sin(2 * np.pi * hz * k * TIME) / k for k in range(1, int(20_000 / hz)))


def ratios(name, samples):
    sound = parselmouth.Sound(samples, RATE)
    heard = [
        sound.to_harmonicity_ac(),
        sound.to_harmonicity_ac(periods_per_window=4.5),
        sound.to_harmonicity_cc(),
    ]
    values = [one.values[one.values > -200] for one in heard]
    means = [one.mean() if one.size else None for one in values]
    print(f"{name:14s}" + "".join(f"{'none' if m is None else f'{m:.1f}':>12s}" for m in means))
    return means


print(" " * 14 + f"{'ac, default':>12s}{'ac, 4.5':>12s}{'cc':>12s}")
low = [ratios(f"saw {hz:3d} Hz", saw(hz)) for hz in (80, 110, 150)]
clean = saw(220)
middle = ratios("saw 220 Hz", clean)
level = np.std(clean) / np.std(NOISE)
noises = {db: level * 10 ** (db / 20) * NOISE for db in (-40, -20, -10)}
noisy = {db: ratios(f"noise {db} dB", clean + noise) for db, noise in noises.items()}
missed = all(row[0] is None and min(row[1:]) > 35 for row in low)
false = 10 < middle[0] < 18 and min(middle[1:]) > 50 and noisy[-40][0] < noisy[-20][0]
right = all(abs(value + db) < 2 for db, row in noisy.items() for value in row[1:])
sys.exit(not (missed and false and right))
PYTHON
