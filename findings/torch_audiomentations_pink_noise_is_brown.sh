#!/usr/bin/env bash
# The pink noise of torch-audiomentations falls by 6 dB an octave above 2 kHz, as brown noise does.
#
# Library: torch-audiomentations 0.12.0 (PyPI), changes of sound for training models.
# Guess: AddColoredNoise with an f_decay of 1 adds pink noise, of 2 brown, of -1 blue and of -2
#   violet noise, as its docstring says: "frequency power decay (1/f**f_decay)". So the noise
#   changes by -3, -6, 3 and 6 dB an octave.
# Behaviour: no color but white has a constant slope. Above 2 kHz each slope is twice as steep as it
#   should be: pink is brown, and brown falls by 12 dB an octave. Below 50 Hz each is less than half
#   as steep. The spectrum is divided by a power of a line from 1 at 0 Hz to the root of half the
#   sample rate, not by that of the root of the frequency. From 50 Hz to 12.8 kHz pink noise falls
#   by 37 dB, not 24. So a model that is trained with it hears far less treble in noise than its
#   author meant.
#
# Output seen (dB an octave):
#                        25-50       50-100     100-400     400-1600   1600-3200   3200-12800  Hz
#   white  (   0 dB):      0.2        -0.3         0.1        -0.0         0.0        -0.0
#   pink   (  -3 dB):     -0.9        -2.2        -3.4        -5.1        -5.6        -5.9
#   brown  (  -6 dB):     -2.3        -4.0        -6.7       -10.1       -11.3       -11.7
#   blue   (   3 dB):      1.0         2.0         3.4         5.0         5.7         5.9
#   violet (   6 dB):      2.0         4.2         6.9        10.1        11.3        11.8
#
# Exits with 1 if torch-audiomentations behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 librosa==0.11.0 \
    julius==0.2.8 primePy==1.3
"$folder/venv/bin/pip" install --quiet --no-deps torch-audiomentations==0.12.0 \
    torch-pitch-shift==1.2.5 torchaudio==2.11.0
# Its compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import torch
from scipy.signal import welch
from torch_audiomentations import AddColoredNoise

torch.set_num_threads(1)
torch.manual_seed(0)
RATE = 44_100
BANDS = np.array([25.0, 50.0, 100.0, 400.0, 1600.0, 3200.0, 12_800.0])
tone = 0.1 * torch.sin(2 * torch.pi * 1000.0 * torch.arange(RATE) / RATE)
tones = tone.expand(100, 1, RATE)


def levels(decay):
    """Power per Hz of the noise in thirds of an octave around each of BANDS, in dB."""
    add = AddColoredNoise(
        min_snr_in_db=0.0, max_snr_in_db=0.0, min_f_decay=decay, max_f_decay=decay, p=1.0,
        sample_rate=RATE, output_type="dict",
    )  # fmt: skip
    noise = (add(tones).samples - tones).numpy()[:, 0]
    hz, power = welch(noise, RATE, nperseg=16_384)
    power = power.mean(axis=0)
    edge = 2.0 ** (1 / 6)
    return [10 * np.log10(power[(hz > b / edge) & (hz < b * edge)].mean()) for b in BANDS]


print(" " * 18 + "".join(f"{a:>5.0f}-{b:<6.0f}" for a, b in zip(BANDS, BANDS[1:])) + " Hz")
slopes = {}
for name, decay in {"white": 0.0, "pink": 1.0, "brown": 2.0, "blue": -1.0, "violet": -2.0}.items():
    slopes[name] = np.diff(levels(decay)) / np.diff(np.log2(BANDS))
    row = "".join(f"{slope + 0.0:8.1f}    " for slope in slopes[name])
    print(f"{name:6s} ({-3 * decay + 0.0:4.0f} dB): {row.rstrip()}")
flat = np.abs(slopes["white"]).max() < 0.7
steep = all(
    abs(slopes[name][-1] - right) < 0.7
    for name, right in {"pink": -6.0, "brown": -12.0, "blue": 6.0, "violet": 12.0}.items()
)
sys.exit(not (flat and steep and abs(slopes["pink"][0]) < 2.0))
PYTHON
