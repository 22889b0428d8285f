#!/usr/bin/env bash
# PESTO hears every pitch in steps of a third of a semitone: a vibrato of 10 cents is not heard.
#
# Library: pesto-pitch 2.0.1 (PyPI), a pitch tracker; its model comes with the package.
# Guess: the model has three bins per semitone, and the default reduction "alwa" is the weighted
#   average around the highest bin. So predict is continuous and within 5 cents of a saw at 220 Hz.
# Behaviour: the activations are nearly all in one bin, so there is nothing to average: 95 % of the
#   frames of a glide lie within 1 cent of a multiple of 33.3 cents. A steady saw is heard up to 18
#   cents off, according to where it lies between two steps. A vibrato of 10 cents to either side is
#   a straight line, one of 20 jumps between two or three pitches. The reduction "mean" is no finer.
#   So PESTO measures no detune, drift or shallow vibrato, whatever its mean error is.
#
# Output seen (saws near 220 Hz):
#   detuned by, cents:      0     5    10    15    20    25    30    35    40    45
#   heard at, cents:        0     0     0    33    33    33    33    33    33    33
#   a glide of 4 semitones: 95% of the frames within 1 cent of a third of a semitone
#   vibrato of 10 cents: heard from 0.0 to 0.0 cents
#   vibrato of 30 cents: heard from -33.3 to 33.3 cents
#
# Exits with 1 if PESTO behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 \
    omegaconf==2.3.0 tqdm==4.67.1
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0 pesto-pitch==2.0.1
# torchaudio's compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pesto
import torch

torch.set_num_threads(1)
RATE = 44_100
TIME = np.arange(RATE) / RATE


def heard(cents):
    """What PESTO hears of a saw that is off 220 Hz by some cents, in cents off 220 Hz."""
    phase = 2 * np.pi * np.cumsum(220.0 * 2 ** (cents / 1200 + 0 * TIME)) / RATE
    saw = 0.2 * sum(np.sin(k * phase) / k for k in range(1, 41))
    pitch = pesto.predict(torch.tensor(saw, dtype=torch.float32), RATE)[1].numpy()
    return 1200 * np.log2(pitch[20:-20] / 220.0)


detuned = np.arange(0, 50, 5)
steady = np.array([np.median(heard(cents)) for cents in detuned])
print("detuned by, cents:  " + "".join(f"{cents:6d}" for cents in detuned))
print("heard at, cents:    " + "".join(f"{round(cents):6d}" for cents in steady))
steps = heard(400.0 * TIME) / (100 / 3)
share = np.mean(np.abs(steps - np.round(steps)) < 0.03)
print(f"a glide of 4 semitones: {share:.0%} of the frames within 1 cent of a third of a semitone")
spans = {}
for depth in (10, 30):
    wave = heard(depth * np.sin(2 * np.pi * 5 * TIME))
    spans[depth] = np.ptp(wave)
    low, high = wave.min() + 0.0, wave.max() + 0.0
    print(f"vibrato of {depth} cents: heard from {low:.1f} to {high:.1f} cents")
stepped = np.max(np.abs(steady - detuned)) > 15 and share > 0.9
sys.exit(not (stepped and spans[10] < 1 and 60 < spans[30] < 72))
PYTHON
