#!/usr/bin/env bash
# nnAudio's CQT2010v2 shows a sine of amplitude 1 as 1 to 64, by rate and number of bins.
#
# Library: nnAudio 0.3.4 (PyPI), spectrograms as PyTorch layers.
# Guess: the layers CQT1992v2, CQT2010v2 and CQT2010 differ in how fast they are. Normalization
#   "wrap" shows a sine at its amplitude, and "librosa" is the level of librosa.cqt. Early
#   downsampling makes the result "more or less the same", as its documentation says.
# Behaviour: CQT1992v2 does so. CQT2010v2 multiplies by the factor of its early downsampling, though
#   its kernels are normalized for the lower rate already. So with "wrap" the same sine is 1 with 84
#   bins, 8 with 48 bins and 32 with 24 bins at 22,050 Hz, and 64 with 24 bins at 44.1 kHz: 36 dB
#   too loud. By default, "librosa", it is up to 18 dB too loud, and CQT2010 up to 18 dB too soft.
#   A model or threshold that was made with one number of bins fails with another.
#
# Output seen (peak of a sine of amplitude 1 at 69.3 Hz):
#   22050 Hz: librosa.cqt 37.2
#   22050 Hz, 84 bins: wrap 1992v2 1.0, 2010v2 1.0; librosa 1992v2 36.6, 2010v2 36.6, 2010 36.6
#   22050 Hz, 48 bins: wrap 1992v2 1.0, 2010v2 8.0; librosa 1992v2 36.6, 2010v2 103.5, 2010 12.9
#   22050 Hz, 24 bins: wrap 1992v2 1.0, 2010v2 32.0; librosa 1992v2 36.6, 2010v2 207.7, 2010 6.5
#   44100 Hz: librosa.cqt 52.5
#   44100 Hz, 84 bins: wrap 1992v2 1.0, 2010v2 2.0; librosa 1992v2 51.7, 2010v2 73.2, 2010 36.6
#   44100 Hz, 48 bins: wrap 1992v2 1.0, 2010v2 16.0; librosa 1992v2 51.7, 2010v2 206.9, 2010 12.9
#   44100 Hz, 24 bins: wrap 1992v2 1.0, 2010v2 63.5; librosa 1992v2 51.7, 2010v2 411.8, 2010 6.4
#
# Exits with 1 if nnAudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nnAudio==0.3.4 torch==2.13.0 librosa==0.11.0 \
    numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import librosa
import numpy as np
import torch
from nnAudio.features import CQT2010, CQT1992v2, CQT2010v2

C1 = 32.7032
torch.set_num_threads(1)


def sine(rate):
    """Four seconds of a sine of amplitude 1."""
    return np.sin(2.0 * np.pi * C1 * 2.0 ** (13.0 / 12.0) * np.arange(4 * rate) / rate)


def peak(kind, rate, count, scale):
    """The highest bin in its middle."""
    layer = kind(sr=rate, n_bins=count, fmin=C1, verbose=False)
    sound = torch.tensor(sine(rate), dtype=torch.float32)[None]
    with torch.no_grad():
        frames = layer(sound, normalization_type=scale)
    return float(frames[0, :, frames.shape[2] // 2].max())


wraps, scaled, standard = [], [], []
for rate in (22_050, 44_100):
    frames = np.abs(librosa.cqt(sine(rate), sr=rate, n_bins=84, fmin=C1))
    standard += 3 * [frames[:, frames.shape[1] // 2].max()]
    print(f"{rate} Hz: librosa.cqt {standard[-1]:.1f}")
    for count in (84, 48, 24):
        old, new = (peak(kind, rate, count, "wrap") for kind in (CQT1992v2, CQT2010v2))
        levels = [peak(kind, rate, count, "librosa") for kind in (CQT1992v2, CQT2010v2, CQT2010)]
        wraps.append((old, new))
        scaled.append(levels)
        print(
            f"{rate} Hz, {count} bins: wrap 1992v2 {old:.1f}, 2010v2 {new:.1f}; "
            "librosa 1992v2 {:.1f}, 2010v2 {:.1f}, 2010 {:.1f}".format(*levels)
        )
old, new = np.array(wraps).T
steady = np.allclose(old, 1.0, rtol=0.01)
plain, loud, soft = np.array(scaled).T
same = np.allclose(plain, standard, rtol=0.05)
apart = loud[-1] / plain[-1] > 7.0 and soft[-1] / plain[-1] < 0.14
sys.exit(not (steady and same and apart and np.allclose(new, [1, 8, 32, 2, 16, 64], rtol=0.02)))
PYTHON
