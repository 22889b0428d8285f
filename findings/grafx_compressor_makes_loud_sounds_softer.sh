#!/usr/bin/env bash
# grafx's compressor makes a loud sound softer than a quiet one, from 26 dB below its threshold on.
#
# Library: grafx 0.6.0 (PyPI), differentiable audio processors in graphs for PyTorch.
# Guess: Compressor with a ratio of 4 and a threshold T lets a sound that is 4 dB louder out 1 dB
#   louder above T, and leaves it alone below. NoiseGate with a ratio of 2 lets a sound 10 dB below
#   T out 20 dB below it.
# Behaviour: two things add up. The code subtracts 6 from the threshold, in natural units of the
#   energy, which no documentation says: both act from 26 dB below T. And the gain is worked out for
#   energies but multiplies amplitudes, so it counts twice in decibels, as the documented formula
#   has it if one looks closely. So above the threshold each 10 dB more in is 5 dB less out at a
#   ratio of 4, any ratio above 2 turns loud and soft around, and the gate lets through what it
#   should remove. ApproxCompressor and ApproxNoiseGate do the same. Add 6 to the threshold, and
#   ask the compressor for a ratio of 2 R / (R + 1) where you want R.
#
# Output seen (threshold -20 dB, hard knee; compressor with ratio 4, gate with ratio 2):
#      0 dB: compressor  -69.1 dB (by its ratio -15.0), gate    0.0 dB (by its ratio   0.0)
#    -10 dB: compressor  -64.1 dB (by its ratio -17.5), gate  -10.0 dB (by its ratio -10.0)
#    -20 dB: compressor  -59.1 dB (by its ratio -20.0), gate  -20.0 dB (by its ratio -20.0)
#    -30 dB: compressor  -54.2 dB (by its ratio -30.0), gate  -30.0 dB (by its ratio -40.0)
#    -40 dB: compressor  -49.7 dB (by its ratio -40.0), gate  -40.0 dB (by its ratio -60.0)
#    -44 dB: compressor  -48.5 dB (by its ratio -44.0), gate  -44.0 dB (by its ratio -68.0)
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
from grafx.processors import Compressor, NoiseGate

torch.set_num_threads(1)
RATIO, THRESHOLD = 4.0, -20.0  # decibels of full scale


def level_after(processor, ratio, level):
    """In decibels, of a steady sound of this level, with the parameters as the documents say."""
    sound = torch.full((1, 2, 64), 10.0 ** (level / 20.0))
    log_energy = THRESHOLD / 10.0 * math.log(10.0)
    parameters = (torch.tensor([[value]]) for value in (log_energy, math.log(ratio), 0.0))
    return 20.0 * math.log10(processor(sound, *parameters)[0, 0, -1])


compressor = Compressor(energy_smoother=None, knee="hard", flashfftconv=False)
gate = NoiseGate(energy_smoother=None, knee="hard", flashfftconv=False)
seen = {}
for level in (0.0, -10.0, -20.0, -30.0, -40.0, -44.0):
    compressed = THRESHOLD + (level - THRESHOLD) / RATIO if level > THRESHOLD else level
    gated = THRESHOLD + 2.0 * (level - THRESHOLD) if level < THRESHOLD else level
    # The documented ratio is 1 + exp(parameter).
    seen[level] = level_after(compressor, RATIO - 1.0, level), level_after(gate, 1.0, level)
    print(
        f"{level:4.0f} dB: compressor {seen[level][0]:6.1f} dB (by its ratio {compressed:5.1f}), "
        f"gate {seen[level][1]:6.1f} dB (by its ratio {gated:5.1f})"
    )
ceiling = max(out for out, _ in seen.values())
softer = seen[0.0][0] < seen[-10.0][0] - 4.0 and seen[0.0][0] < -60.0
sys.exit(not (softer and ceiling < -30.0 and seen[-30.0][1] > -31.0 and seen[-44.0][1] > -46.0))
PYTHON
