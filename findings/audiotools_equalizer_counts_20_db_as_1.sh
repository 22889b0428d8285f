#!/usr/bin/env bash
# The equalizer of descript-audiotools changes a band by 20 dB where it is told 1 dB.
#
# Library: descript-audiotools 0.7.2 (PyPI), audio signals, effects and losses for PyTorch.
# Guess: equalizer(db) changes each band by so many decibels. With the same value in all bands it
#   is a change of volume, as volume_change(db) of the same library. The transform Equalizer says
#   that eq_amount is "the maximum dB cut" and that it is 1 dB by default.
# Behaviour: the gain of a band is 10 to the power of db, not of db / 20. So 1 is 20 dB, and 6 is
#   120 dB. The Equalizer that cuts each band by up to 1 dB cuts it by up to 20 dB. The arguments
#   other_eq of mix and ir_eq of apply_ir take the same curves. A curve that was meant in decibels
#   has to be divided by 20.
#
# Output seen (a sine of 1 kHz at 44.1 kHz, six bands):
#   -6 dB in all bands: -120.0 dB; volume_change: -6.0 dB
#   -1 dB in all bands: -20.0 dB; volume_change: -1.0 dB
#   +0 dB in all bands: +0.0 dB; volume_change: +0.0 dB
#   +1 dB in all bands: +20.0 dB; volume_change: +1.0 dB
#   +6 dB in all bands: +120.0 dB; volume_change: +6.0 dB
#   Equalizer of up to 1 dB: -0.4 to -19.4 dB in 20 draws
#
# Exits with 1 if audiotools behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 julius==0.2.8 \
    rich==15.0.0 soundfile==0.14.0 flatten-dict==0.5.0 randomname==0.2.1 ffmpy==1.0.0 \
    importlib-resources==7.1.0 tensorboard==2.20.0 tqdm==4.70.1
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0 descript-audiotools==0.7.2
# torchaudio's compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from audiotools import AudioSignal
from audiotools.data.transforms import Equalizer

RATE = 44100
sine = 0.01 * torch.sin(2.0 * torch.pi * 1000.0 * torch.arange(RATE) / RATE)[None, None]


def level(signal):
    """The level in decibels above the sine's."""
    return 10.0 * float(torch.log10((signal.audio_data**2).mean() / (sine**2).mean()))


found = {}
for db in (-6.0, -1.0, 0.0, 1.0, 6.0):
    equalized = level(AudioSignal(sine.clone(), RATE).equalizer(torch.full((6,), db)))
    changed = level(AudioSignal(sine.clone(), RATE).volume_change(db))
    found[db] = equalized, changed
    print(f"{db:+g} dB in all bands: {equalized:+.1f} dB; volume_change: {changed:+.1f} dB")
transform = Equalizer()
cuts = []
for seed in range(20):
    signal = AudioSignal(sine.clone(), RATE)
    cuts.append(level(transform(signal, **transform.instantiate(seed, signal))))
print(f"Equalizer of up to 1 dB: {max(cuts):+.1f} to {min(cuts):+.1f} dB in 20 draws")
wrong = all(abs(equalized - 20.0 * db) < 0.1 for db, (equalized, _) in found.items())
sys.exit(not (wrong and all(abs(value - db) < 0.1 for db, (_, value) in found.items())))
PYTHON
