#!/usr/bin/env bash
# grafx's low-pass filter turns the sound upside down, so it cancels the bass of the dry sound.
#
# Library: grafx 0.6.0 (PyPI), differentiable audio processors in graphs for PyTorch.
# Guess: LowPassFilter lets low frequencies through as they are. In parallel with the dry sound it
#   lifts the bass by 6 dB. With HighPassFilter of the same cutoff the sum has its known notch there
#   and the difference is 3 dB up.
# Behaviour: the code takes cos(w) - 1 where the documentation has 1 - cos(w), so the gain at 0 Hz
#   is -1. In parallel, as graphs and DryWet mix it, the bass is 23 dB down at 50 Hz instead of 6 dB
#   up. Sum and difference with the high-pass, which is right, change places. Both backends do the
#   same. A loss on magnitudes does not see it.
#
# Output seen (cutoff 1 kHz, Q 0.71):
#   fsm: low-pass at 0 Hz -1.00, high-pass at the top 1.00
#       50 Hz: low-pass   0.00 dB, with the dry sound -23.29 dB
#      100 Hz: low-pass  -0.00 dB, with the dry sound -16.79 dB
#      200 Hz: low-pass  -0.01 dB, with the dry sound -10.94 dB
#     4000 Hz: low-pass -24.55 dB, with the dry sound   0.47 dB
#     at the cutoff: low + high 3.01 dB, low - high -55.31 dB
#   lfilter: low-pass at 0 Hz -1.00, high-pass at the top 1.00
#       50 Hz: low-pass   0.00 dB, with the dry sound -23.29 dB
#      100 Hz: low-pass  -0.00 dB, with the dry sound -16.79 dB
#      200 Hz: low-pass  -0.01 dB, with the dry sound -10.94 dB
#     4000 Hz: low-pass -24.55 dB, with the dry sound   0.47 dB
#     at the cutoff: low + high 3.01 dB, low - high -54.72 dB
#
# Exits with 1 if grafx behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet grafx==0.6.0 torchcomp==0.2.1 torchlpc==0.7.2 \
    torch-geometric==2.8.1 einops==0.8.2 torch==2.13.0 numba==0.68.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0
# torchaudio's compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import math
import sys

import torch
from grafx.processors import HighPassFilter, LowPassFilter

torch.set_num_threads(1)
RATE, CUTOFF, LENGTH = 44_100, 1000.0, 8192
impulse = torch.zeros(1, 1, LENGTH)
impulse[..., 0] = 1.0
cutoff = torch.logit(torch.tensor([[2.0 * CUTOFF / RATE]]))
inverse_q = torch.tensor([[math.log(math.sqrt(2.0))]])


def response(processor):
    return torch.fft.rfft(processor(impulse, cutoff, inverse_q)[0, 0])


def gain(spectrum, hz):
    return 20.0 * math.log10(float(spectrum[round(hz * LENGTH / RATE)].abs()) + 1e-9)


right = True
for backend in ("fsm", "lfilter"):
    low = response(LowPassFilter(backend=backend, flashfftconv=False))
    high = response(HighPassFilter(backend=backend, flashfftconv=False))
    ends = f"low-pass at 0 Hz {low[0].real:.2f}, high-pass at the top {high[-1].real:.2f}"
    print(f"{backend}: {ends}")
    for hz in (50.0, 100.0, 200.0, 4000.0):
        parallel, alone = gain(1.0 + low, hz), gain(low, hz)
        print(f"  {hz:4.0f} Hz: low-pass {alone:6.2f} dB, with the dry sound {parallel:6.2f} dB")
    right &= abs(float(low[0].real) + 1.0) < 0.01 and abs(float(high[-1].real) - 1.0) < 0.01
    right &= gain(1.0 + low, 50.0) < -20.0
    middle = gain(low - high, CUTOFF), gain(low + high, CUTOFF)
    print(f"  at the cutoff: low + high {middle[1]:.2f} dB, low - high {middle[0]:.2f} dB")
    right &= middle[1] > 2.9 and middle[0] < -40.0
sys.exit(not right)
PYTHON
