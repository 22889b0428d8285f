#!/usr/bin/env bash
# diffsptk's octave bands come half a sample late, so their sum is far from the sound.
#
# Library: diffsptk 4.0.1 (PyPI), the Speech Signal Processing Toolkit for PyTorch.
# Guess: the bands of FractionalOctaveBandAnalysis lie in time with the sound, and add up to it, as
#   the bands of its reference do: what is left of white noise is 30 dB down or more.
# Behaviour: the sum of the bands is the sound half a sample later, and a click of one sample is
#   spread over two. What is left of white noise when the sum is taken away is only 1.4 dB down. So
#   a residual, a loss between waves, or a band that is taken out of a sound by subtraction, has an
#   error of its own, which grows with the pitch. An odd filter_order does the same. The filters are
#   made by irfft from the spectrum of 1,001 taps without that length, so they have 1,000 taps and
#   no middle one.
#
# Output seen:
#   white noise: -1.4 dB left (-1.4 with filter_order=1001), of it later -30.9
#   a sine of 440 Hz: -21.3 dB left (-21.3 with filter_order=1001), of it later -81.3
#   a sine of 4000 Hz: -2.3 dB left (-2.3 with filter_order=1001), of it later -62.1
#   a click of 1: 0.64 and 0.64
#
# Exits with 1 if diffsptk behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet diffsptk==4.0.1 torch==2.13.0 torchaudio==2.11.0 \
    numpy==2.2.6 scipy==1.17.1
# torchaudio's compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from diffsptk import FractionalOctaveBandAnalysis

torch.set_num_threads(1)
torch.manual_seed(0)
RATE, MIDDLE = 16_000, slice(2_000, 14_000)


def banded(sound, **settings):
    """The sum of the bands of a sound."""
    return FractionalOctaveBandAnalysis(RATE, **settings)(sound[None]).sum(-2).squeeze()


def left(sound, whole):
    """What is left of a sound without another one, in dB."""
    error = (sound - whole)[MIDDLE].square().mean() / sound[MIDDLE].square().mean()
    return float(10.0 * torch.log10(error))


def later(sound):
    """A sound half a sample later."""
    turns = torch.exp(-1j * torch.pi * torch.fft.rfftfreq(len(sound)))
    return torch.fft.irfft(torch.fft.rfft(sound) * turns, len(sound))


click = torch.zeros(RATE)
click[8_000] = 1.0
time = torch.arange(RATE) / RATE
sounds = {"white noise": torch.randn(RATE)}
sounds |= {f"a sine of {hz} Hz": torch.sin(2.0 * torch.pi * hz * time) for hz in (440, 4_000)}
seen = {}
for name, sound in sounds.items():
    whole, odd = banded(sound), banded(sound, filter_order=1_001)
    seen[name] = left(sound, whole), left(sound, odd), left(later(sound), whole)
    default, other, shifted = (f"{decibels:.1f}" for decibels in seen[name])
    print(f"{name}: {default} dB left ({other} with filter_order=1001), of it later {shifted}")
first, second = banded(click)[8_000:8_002]
print(f"a click of 1: {first:.2f} and {second:.2f}")
late = min(seen["white noise"][:2] + seen["a sine of 4000 Hz"][:2]) > -3.0
shifted = all(row[2] < row[0] - 20.0 for row in seen.values())
sys.exit(not (late and shifted and abs(first - second) < 0.02 and first < 0.7))
PYTHON
