#!/usr/bin/env bash
# descript-audiotools' phase loss takes an eighth of a turn one way for more than half a turn.
#
# Library: descript-audiotools 0.7.2 (PyPI), audio signals, effects and losses for PyTorch.
# Guess: PhaseLoss is the mean square of the phase difference within half a turn, weighted by the
#   magnitude. A turn of all phases by an angle costs the same in both directions, and more, the
#   larger the angle is. 180 degrees cost 16 times as much as 45.
# Behaviour: 45 degrees one way cost 24 times as much as 45 the other way, and more than 180. A
#   difference below minus half a turn gets a turn added, as it should. One above half a turn should
#   get a turn taken off, but the minus of the assignment and the minus of the number cancel out. So
#   it gets a turn added, too. An eighth of all bins then have 675 degrees instead of -45. The
#   gradient of these bins drives the phase away from the target instead of towards it.
#
# Output seen (white noise of 1 s, all its phases turned by an angle):
#   -135 degrees: 5.69 square radians, guess 5.55
#   -90 degrees: 2.62 square radians, guess 2.47
#   -45 degrees: 0.73 square radians, guess 0.62
#   +45 degrees: 17.88 square radians, guess 0.62
#   +90 degrees: 31.80 square radians, guess 2.47
#   +135 degrees: 42.11 square radians, guess 5.55
#   +180 degrees: 12.96 square radians, guess 9.87
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
from audiotools.metrics.spectral import PhaseLoss

RATE = 44100
torch.manual_seed(0)
noise = 0.1 * torch.randn(RATE)
loss = PhaseLoss()


def turned(degrees):
    """The noise with all its phases turned by an angle."""
    spectrum = torch.fft.rfft(noise) * torch.exp(1j * torch.deg2rad(torch.tensor(degrees)))
    return torch.fft.irfft(spectrum, RATE)


def signal(data):
    return AudioSignal(data[None, None].clone(), RATE)


def weights():
    """The mean square of the weights of the loss."""
    sound = signal(noise)
    sound.stft(2048, 512)
    low, high = sound.magnitude.min(), sound.magnitude.max()
    return float((((sound.magnitude - low) / (high - low)) ** 2).mean())


found, scale = {}, weights()
for degrees in (-135.0, -90.0, -45.0, 45.0, 90.0, 135.0, 180.0):
    found[degrees] = float(loss(signal(noise), signal(turned(degrees)))) / scale
    right = float(torch.deg2rad(torch.tensor(degrees)) ** 2)
    print(f"{degrees:+g} degrees: {found[degrees]:.2f} square radians, guess {right:.2f}")
sys.exit(not (found[45.0] > 20 * found[-45.0] and found[45.0] > found[180.0] > 9))
PYTHON
