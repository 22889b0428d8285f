#!/usr/bin/env bash
# torchsynth's FM oscillator goes sharp if its index is above 1: at index 3 by seven semitones.
#
# Library: torchsynth 1.0.2 (PyPI), a synthesizer in PyTorch that renders batches of sounds.
# Guess: FmVCO at note 45 with a sine of the same pitch as modulator is a plain FM voice: with any
#   depth all of its partials are multiples of 110 Hz, as in a DX7.
# Behaviour: the instantaneous frequency is cut at 0 Hz, so it never runs backwards. The mean
#   frequency then rises with the index, and the partials lie between the multiples. The depth
#   ranges over -96 to 96, so most of that range is out of tune. The depth also counts in carrier
#   frequencies (the deviation is depth times carrier), where the documentation says that the index
#   is the deviation per modulator frequency. A model trained on these sounds learns no plain FM.
#
# Output seen (mean pitch above note 45, and the share of power within 2 Hz of multiples of 110 Hz):
#   depth  0.5:      0 cents, 100.0 %; through zero 100.0 %
#   depth  1.0:      0 cents, 100.0 %; through zero 100.0 %
#   depth  1.5:    146 cents,   0.0 %; through zero 100.0 %
#   depth  2.0:    341 cents,   0.0 %; through zero 100.0 %
#   depth  3.0:    712 cents,   0.0 %; through zero 100.0 %
#   depth 10.0:   2265 cents,   0.0 %; through zero 100.0 %
#
# Exits with 1 if torchsynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps torchsynth==1.0.2  # its modules need no more
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch
from torchsynth.config import SynthConfig
from torchsynth.module import FmVCO

torch.set_num_threads(1)
torch.set_grad_enabled(False)
RATE, LENGTH = 44_100, 176_400
config = SynthConfig(batch_size=1, reproducible=False)
sine = torch.sin(2 * torch.pi * 110.0 * torch.arange(LENGTH) / RATE)[None]


def harmonic(sound):
    power = np.abs(np.fft.rfft(sound * np.hanning(LENGTH))) ** 2
    hz = np.arange(len(power)) * RATE / LENGTH
    return power[np.abs(hz - 110.0 * np.round(hz / 110.0)) < 2.0].sum() / power.sum()


def through_zero(depth):
    """The same with a frequency that may be negative."""
    turns = np.cumsum(110.0 * (1.0 + depth * sine[0].numpy().astype(float)) / RATE)
    return harmonic(np.cos(2 * np.pi * turns))


rows = []
for depth in (0.5, 1.0, 1.5, 2.0, 3.0, 10.0):
    settings = {"tuning": 0.0, "mod_depth": depth, "initial_phase": 0.0}
    voice = FmVCO(config, **{name: torch.tensor([value]) for name, value in settings.items()})
    note = torch.tensor([45.0])
    pitch = float(voice.make_control_as_frequency(note, sine).mean())
    share = harmonic(voice(note, sine).as_subclass(torch.Tensor)[0].numpy())
    rows.append([1200.0 * np.log2(pitch / 110.0), share, through_zero(depth)])
    cents, here, there = rows[-1]
    print(
        f"depth {depth:4.1f}: {cents:6.0f} cents, {100 * here:5.1f} %; "
        f"through zero {100 * there:5.1f} %"
    )
cents, here, there = np.array(rows).T
in_tune = np.abs(cents[:2]).max() < 1.0 and here[:2].min() > 0.99 and there.min() > 0.99
sys.exit(not (in_tune and cents[2] > 100 and abs(cents[4] - 712) < 20 and here[2:].max() < 0.5))
PYTHON
