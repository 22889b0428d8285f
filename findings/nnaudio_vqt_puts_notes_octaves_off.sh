#!/usr/bin/env bash
# nnAudio's VQT puts notes an octave too high at 44.1 kHz, and loses them with fewer bins.
#
# Library: nnAudio 0.3.4 (PyPI), spectrograms as PyTorch layers.
# Guess: bin b of a VQT that begins at C1 is the pitch b semitones above C1, as in its CQT. With
#   gamma=0, the default, the two are equal (so a test of the project says). Early downsampling
#   makes the result "more or less the same except in the very low frequency region".
# Behaviour: that is so at 22,050 Hz with the default 84 bins. If the highest bin lies more than 2.3
#   octaves below half the rate, the layer first downsamples the sound, and then uses kernels for
#   the old rate on it. At 44.1 kHz with 84 bins each note is 12 bins too high, and bin 0 is C0. At
#   44.1 kHz with 60 bins, or 22,050 Hz with 48, notes are 36 bins too high. Most of them lie beyond
#   the highest bin then, and only a weak remnant is seen. Workaround: earlydownsample=False.
#
# Output seen (bin with the most energy, for notes in bins 15, 22 and 30):
#   22050 Hz, 84 bins: VQT [15, 22, 30], without early downsampling [15, 22, 30], CQT [15, 22, 30]
#   22050 Hz, 48 bins: VQT [47, 46, 47], without early downsampling [15, 22, 30], CQT [15, 22, 30]
#   44100 Hz, 84 bins: VQT [27, 34, 42], without early downsampling [15, 22, 30], CQT [15, 22, 30]
#   44100 Hz, 60 bins: VQT [51, 58, 59], without early downsampling [15, 22, 30], CQT [15, 22, 30]
#
# Exits with 1 if nnAudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nnAudio==0.3.4 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import torch
from nnAudio.features import CQT1992v2, VQT

C1, NOTES = 32.7032, [15, 22, 30]
torch.set_num_threads(1)


def bins(layer, rate):
    """The strongest bin in the middle of a sine of each note."""
    found = []
    for note in NOTES:
        time = np.arange(4 * rate) / rate
        sound = np.sin(2.0 * np.pi * C1 * 2.0 ** (note / 12.0) * time)
        with torch.no_grad():
            frames = layer(torch.tensor(sound, dtype=torch.float32)[None])[0]
        found.append(int(frames[:, frames.shape[1] // 2].argmax()))
    return found


ok = True
for rate, count in ((22_050, 84), (22_050, 48), (44_100, 84), (44_100, 60)):
    options = dict(sr=rate, n_bins=count, fmin=C1, verbose=False)
    vqt = bins(VQT(**options), rate)
    plain = bins(VQT(earlydownsample=False, **options), rate)
    cqt = bins(CQT1992v2(**options), rate)
    print(f"{rate} Hz, {count} bins: VQT {vqt}, without early downsampling {plain}, CQT {cqt}")
    ok = ok and plain == cqt == NOTES
    if (rate, count) == (22_050, 84):
        ok = ok and vqt == NOTES
    elif (rate, count) == (44_100, 84):
        ok = ok and vqt == [note + 12 for note in NOTES]
    else:
        ok = ok and all(each != note for each, note in zip(vqt, NOTES))
sys.exit(not ok)
PYTHON
