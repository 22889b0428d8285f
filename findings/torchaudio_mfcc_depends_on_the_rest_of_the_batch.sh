#!/usr/bin/env bash
# torchaudio's MFCC of a sound depends on the loudest sound in its batch.
#
# Library: torchaudio 2.11.0 (PyPI), sound for PyTorch.
# Guess: torchaudio.transforms.MFCC takes (..., time), so row 0 of a batch of shape (batch, time)
#   has the coefficients that the sound has alone.
# Behaviour: MFCC clips its mel spectrogram 80 dB below the loudest value. That value is taken over
#   the last three axes, batch, mel and time, so for a batch of two axes it is one value for all. A
#   plucked note that is 40 dB softer than another one in the batch gets other coefficients. They
#   are six times as far from those of the note alone as those of a note of another timbre are. A
#   batch of three axes (batch, 1, time) is right. So a model's features, or a distance between
#   sounds, change with what else is in the batch, and are others at a batch size of 1.
#
# Output seen (root mean square of a difference of MFCCs, without the first):
#   beside a note as soft: 1.8
#   beside a note 40 dB louder: 18.4
#   the same, with a channel axis: 0.0
#   a note of another timbre, alone: 3.0
#
# Exits with 1 if torchaudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0
# Its compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from torchaudio.transforms import MFCC

torch.set_num_threads(1)
RATE = 44_100
seconds = torch.arange(2 * RATE, dtype=torch.float64) / RATE


def plucked(slope, level):
    """220 Hz that fades; harmonic n is n ** -slope and fades n times as fast."""
    tones = [
        n**-slope * torch.exp(-1.5 * n * seconds) * torch.sin(2 * torch.pi * 220 * n * seconds)
        for n in range(1, 90)
    ]
    wave = sum(tones)
    return (level * wave / wave.abs().max()).float()


def distance(one, other):
    return (one - other)[1:].square().mean().sqrt().item()


mfcc = MFCC(RATE, melkwargs={"n_mels": 64})
soft, loud, other = plucked(1.0, 0.009), plucked(1.0, 0.9), plucked(1.5, 0.009)
alone = mfcc(soft[None])[0]
rows = {
    "beside a note as soft": mfcc(torch.stack([soft, other]))[0],
    "beside a note 40 dB louder": mfcc(torch.stack([soft, loud]))[0],
    "the same, with a channel axis": mfcc(torch.stack([soft, loud])[:, None])[0, 0],
    "a note of another timbre, alone": mfcc(other[None])[0],
}
far = []
for name, row in rows.items():
    far.append(distance(alone, row))
    print(f"{name}: {far[-1]:.1f}")
sys.exit(not (far[2] < 0.01 and far[0] < 3.0 and far[1] > 10.0 and far[1] > 4.0 * far[3]))
PYTHON
