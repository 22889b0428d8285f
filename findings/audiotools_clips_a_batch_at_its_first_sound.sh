#!/usr/bin/env bash
# descript-audiotools clips all sounds of a batch at the level of the first one.
#
# Library: descript-audiotools 0.7.2 (PyPI), audio signals, effects and losses for PyTorch.
# Guess: clip_distortion(0.1) clips the 10 % of each sound that are farthest out, whatever else is
#   in the batch. A sine is then clipped at 0.988 of its peak, because that is where its outermost
#   10 % begin. A percentile for each sound of a batch is a percentile of that sound.
# Behaviour: a loud sound after a soft one becomes a square wave at the soft one's level, and a soft
#   sound after a loud one is not clipped at all. torch.quantile puts the percentiles before the
#   batch, so the limits have the shape percentiles x sounds x channels. They are cut to the first
#   sounds, as many as there are channels, and so to the first sound alone. With a percentile for
#   each sound, the n-th sound is clipped at the n-th percentile of the first sound.
#
# Output seen (sines of the peaks 0.05, 0.5 and 0.005; the peak after clipping):
#   10 %, one by one: 0.0494, 0.4938, 0.0049
#   10 %, in a batch: 0.0494, 0.0494, 0.0050
#   10 %, in a batch in the other order: 0.0049, 0.0049, 0.0049
#   10, 40 and 60 %, one by one: 0.0494, 0.4044, 0.0029
#   10, 40 and 60 %, in a batch: 0.0494, 0.0404, 0.0050
#   the second sound is clipped 20 dB lower in the batch
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

RATE = 44100
sine = torch.sin(2.0 * torch.pi * 440.0 * torch.arange(RATE) / RATE)[None, None]
PEAKS = (0.05, 0.5, 0.005)


def clip(peaks, percentile):
    """The peaks of sines after clipping, as a batch."""
    batch = AudioSignal(torch.cat([peak * sine for peak in peaks]), RATE)
    return batch.clip_distortion(percentile).audio_data.abs().amax(-1).ravel().tolist()


def text(values):
    return ", ".join(f"{value:.4f}" for value in values)


alone = [clip([peak], 0.1)[0] for peak in PEAKS]
print(f"10 %, one by one: {text(alone)}")
batch = clip(PEAKS, 0.1)
print(f"10 %, in a batch: {text(batch)}")
back = clip(PEAKS[::-1], 0.1)[::-1]
print(f"10 %, in a batch in the other order: {text(back)}")
each = torch.tensor([0.1, 0.4, 0.6])
own = [clip([peak], float(value))[0] for peak, value in zip(PEAKS, each, strict=True)]
print(f"10, 40 and 60 %, one by one: {text(own)}")
mixed = clip(PEAKS, each)
print(f"10, 40 and 60 %, in a batch: {text(mixed)}")
square = 20.0 * torch.log10(torch.tensor(alone[1] / batch[1]))
print(f"the second sound is clipped {square:.0f} dB lower in the batch")
sys.exit(not (batch[1] < 0.06 and batch[2] > 0.00499 and mixed[1] < 0.06 and back[1] < 0.006))
PYTHON
