#!/usr/bin/env bash
# grafx's reverb decays the slower the faster it is told to, and counts an eighth of its decibels.
#
# Library: grafx 0.6.0 (PyPI), differentiable audio processors in graphs for PyTorch;
#   STFTMaskedNoiseReverb.
# Guess: as documented, the log-magnitude begins at init_log_magnitude and changes by
#   delta_log_magnitude per frame of 192 samples, so the decay time follows from delta: -0.030 per
#   frame is 1 s, -0.30 is 0.1 s.
# Behaviour: the code takes -softplus(delta) for delta, and an eighth of the whole log-magnitude.
#   The documentation has neither. A negative delta, which is a decay by the documentation, is the
#   slower the more negative it is, and 0 is no endless reverb but one of 0.35 s. So times from 0.1
#   to 1 s are all near 0.4 s, in the wrong order, and a reverb that is told to begin 12 dB louder
#   is 1.5 dB louder. A decay by d per frame needs delta = log(exp(8 d) - 1).
#
# Output seen (the same at all frequencies):
#   told to decay by 60 dB in 0.03 s: 0.78 s
#   told to decay by 60 dB in 0.10 s: 0.43 s
#   told to decay by 60 dB in 0.30 s: 0.37 s
#   told to decay by 60 dB in 1.00 s: 0.35 s
#   told to begin -12 dB: -1.50 dB
#   told to begin +12 dB: +1.50 dB
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
from grafx.processors import STFTMaskedNoiseReverb

torch.set_num_threads(1)
RATE, HOP = 44_100, 192
reverb = STFTMaskedNoiseReverb(flashfftconv=False)
bins = reverb.num_bins


def response(start, delta):
    """The impulse response for the same log-magnitudes at all frequencies."""
    shape = torch.ones(1, 2, bins)
    return reverb.compute_ir(start * shape, delta * shape)[0, 0]


def decay_time(sound):
    """Seconds for 60 dB, by the slope from -5 to -25 dB of the energy that is still to come."""
    rest = 10.0 * torch.log10(sound.square().flip(0).cumsum(0).flip(0))
    rest = rest - rest[0]
    first, last = (int((rest < level).nonzero()[0]) for level in (-5.0, -25.0))
    return 60.0 / 20.0 * (last - first) / RATE


seen = {}
for told in (0.03, 0.1, 0.3, 1.0):
    delta = -math.log(1000.0) * HOP / (told * RATE)  # per frame, in natural units
    seen[told] = decay_time(response(0.0, delta))
    print(f"told to decay by 60 dB in {told:4.2f} s: {seen[told]:.2f} s")
louder = {}
plain = response(0.0, 0.0)[: 10 * HOP].norm()
for told in (-12.0, 12.0):
    changed = response(told * math.log(10.0) / 20.0, 0.0)[: 10 * HOP].norm()
    louder[told] = 20.0 * math.log10(changed / plain)
    print(f"told to begin {told:+.0f} dB: {louder[told]:+.2f} dB")
slower = seen[0.03] > 0.6 and seen[0.03] > seen[0.1] > seen[1.0] and seen[1.0] < 0.5
eighth = all(abs(told / 8.0 - heard) < 0.2 for told, heard in louder.items())
sys.exit(not (slower and eighth))
PYTHON
