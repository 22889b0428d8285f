#!/usr/bin/env bash
# The pink noise of audiomentations has 71 % of its power below 200 Hz, where pink noise has 33 %.
#
# Library: audiomentations 0.43.1 (PyPI), changes of sound for training models.
# Guess: AddColorNoise with an f_decay of -3.01, which its docstring names pink, falls by 3 dB an
#   octave. So a third of its power between 20 Hz and 20 kHz lies below 200 Hz.
# Behaviour: the default filter has 64 bands of 345 Hz. The band at 0 Hz, which has no pitch, gets
#   the level of 1 Hz, 25 dB above the next one. So pink noise is a hump below 200 Hz, and falls by
#   10 dB from 200 to 400 Hz. Blue noise does not rise there at all. The docstring advises such a
#   short filter. With n_fft=4096 the noise is pink. At a given ratio of signal to noise, a model
#   meets a rumble that masks little: at 3.2 kHz the noise is 5 dB too soft.
#
# Output seen (dB against 3.2 kHz, and the power below 200 Hz of that from 20 Hz to 20 kHz):
#                           25     50    100    200    400    800   3200  12800 Hz  below 200
#   white                  0.1   -0.1    0.0   -0.0   -0.0    0.0    0.0   -0.0        0.9 %
#   pink                  26.9   26.8   25.7   21.6   11.8    9.5    0.0   -6.4       71.0 %
#   pink, n_fft=4096      20.6   18.4   15.3   12.1    9.1    6.1    0.0   -6.0       33.8 %
#   blue                 -21.1  -15.5  -10.3   -7.6   -8.3   -5.7    0.0    6.1        0.0 %
#   pink is 4.6 dB softer at 3.2 kHz than with n_fft=4096
#
# Exits with 1 if audiomentations behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audiomentations==0.43.1 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from audiomentations import AddColorNoise
from scipy.signal import welch

np.random.seed(0)
RATE = 44_100
BANDS = np.array([25.0, 50.0, 100.0, 200.0, 400.0, 800.0, 3200.0, 12_800.0])
tone = 0.1 * np.sin(2 * np.pi * 1000.0 * np.arange(5 * RATE) / RATE).astype(np.float32)


def measured(decay, taps):
    """The level at each of BANDS in dB, the part below 200 Hz in %, and the level of 3.2 kHz."""
    total = 0.0
    for _ in range(40):
        add = AddColorNoise(
            min_snr_db=0.0, max_snr_db=0.0, min_f_decay=decay, max_f_decay=decay, p=1.0, n_fft=taps
        )
        hz, power = welch(add(tone, RATE) - tone, RATE, nperseg=16_384)
        total = total + power
    edge = 2.0 ** (1 / 6)
    levels = [total[(hz > band / edge) & (hz < band * edge)].mean() for band in BANDS]
    low, whole = (total[(hz > 20.0) & (hz < top)].sum() for top in (200.0, 20_000.0))
    levels = 10.0 * np.log10(levels)
    return levels - levels[-2], 100.0 * low / whole, levels[-2]


print(" " * 19 + "".join(f"{band:7.0f}" for band in BANDS) + " Hz  below 200")
cases = {
    "white": (0.0, 128),
    "pink": (-3.01, 128),
    "pink, n_fft=4096": (-3.01, 4096),
    "blue": (3.01, 128),
}
rows = {}
for name, case in cases.items():
    levels, part, at_3200 = rows[name] = measured(*case)
    print(f"{name:19s}" + "".join(f"{level + 0.0:7.1f}" for level in levels) + f"  {part:9.1f} %")
softer = rows["pink, n_fft=4096"][2] - rows["pink"][2]
print(f"pink is {softer:.1f} dB softer at 3.2 kHz than with n_fft=4096")
right = np.abs(rows["white"][0]).max() < 1.0 and abs(rows["pink, n_fft=4096"][1] - 33.0) < 4.0
step = rows["pink"][0][3] - rows["pink"][0][4]
sys.exit(not (right and rows["pink"][1] > 60.0 and step > 6.0 and softer > 2.0))
PYTHON
