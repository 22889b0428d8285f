#!/usr/bin/env bash
# torchsynth's square wave gets up to 32 dB softer by its depth of pitch modulation alone.
#
# Library: torchsynth 1.0.2 (PyPI), a synthesizer in PyTorch that renders batches of sounds.
# Guess: a modulation signal of zeros changes nothing, so SquareSawVCO sounds the same with each
#   mod_depth from -96 to 96 semitones, as SineVCO does.
# Behaviour: the number of partials is chosen for the highest pitch that the depth allows, also far
#   above half the sample rate, though the modulated pitch is cut at note 127. The wave is a tanh of
#   a sine times that number. Where it is below 1 the wave is a soft sine instead of a square. The
#   depth so sets level and colour, and the more the higher the note. A negative depth does not. So
#   random patches differ in level by what is not heard as pitch, and a model must guess it.
#
# Output seen (level without modulation in dB, and the third harmonic from the first in dB):
#   depth   -96: square  -0.2, saw  -4.5, sine  -3.0; third harmonic   -9.7
#   depth     0: square  -0.2, saw  -4.5, sine  -3.0; third harmonic   -9.7
#   depth    12: square  -0.4, saw  -4.8, sine  -3.0; third harmonic  -10.1
#   depth    24: square  -1.0, saw  -5.6, sine  -3.0; third harmonic  -12.1
#   depth    48: square  -7.1, saw -12.1, sine  -3.0; third harmonic  -28.9
#   depth    96: square -32.6, saw -37.7, sine  -3.0; third harmonic  -80.8
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
from torchsynth.module import SineVCO, SquareSawVCO

torch.set_num_threads(1)
torch.set_grad_enabled(False)
LENGTH = 176_400
config = SynthConfig(batch_size=1, reproducible=False)
still = torch.zeros(1, LENGTH)


def seen(kind, depth, **more):
    settings = {"tuning": 0.0, "mod_depth": depth, "initial_phase": 0.0, **more}
    voice = kind(config, **{name: torch.tensor([value]) for name, value in settings.items()})
    sound = voice(torch.tensor([69.0]), still).as_subclass(torch.Tensor)[0].numpy()
    spectrum = np.abs(np.fft.rfft(sound))
    level = 20.0 * np.log10(np.sqrt(np.mean(sound**2)))
    third = 20.0 * np.log10(spectrum[1320 * 4] / spectrum[440 * 4] + 1e-9)
    return level, third


rows = {}
for depth in (-96.0, 0.0, 12.0, 24.0, 48.0, 96.0):
    square, third = seen(SquareSawVCO, depth, shape=0.0)
    saw = seen(SquareSawVCO, depth, shape=1.0)[0]
    sine = seen(SineVCO, depth)[0]
    rows[depth] = [square, saw, sine, third]
    print(
        f"depth {depth:5.0f}: square {square:5.1f}, saw {saw:5.1f}, sine {sine:5.1f}; "
        f"third harmonic {third:6.1f}"
    )
square, saw, sine, third = np.array(list(rows.values())).T
same = np.ptp(sine) < 0.1 and abs(square[0] - square[1]) < 0.1
softer = square[1] - square[4] > 4.0 and 25.0 < square[1] - square[5] < 40.0
sys.exit(not (same and softer and saw[1] - saw[5] > 25.0))
PYTHON
