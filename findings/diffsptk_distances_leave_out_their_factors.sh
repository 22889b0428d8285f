#!/usr/bin/env bash
# diffsptk's SNR is a tenth of the decibels, and its cepstral distance is 30 times too small.
#
# Library: diffsptk 4.0.1 (PyPI), the Speech Signal Processing Toolkit for PyTorch.
# Guess: SNR() gives the signal-to-noise ratio in dB, and CepstralDistance() the mel-cepstral
#   distance in dB, as the snr and cdist commands of SPTK do, which their documentation points to.
# Behaviour: SNR() has no factor of 10: a ratio of 17 dB is 1.7. CepstralDistance() has no factor of
#   6.14 (10 sqrt(2) / ln 10), and its default reduction also divides by the root of the number of
#   coefficients: it is 30 times too small for 24 of them. With full=True, which "includes the
#   constant term", SNR is right, but the distance is still 4.9 times too small, and less so for
#   fewer coefficients. A published distance of 5 dB comes out as 1 dB. It takes full=True and
#   reduction="batchmean" to have decibels.
#
# Output seen:
#   true ratio 16.95 dB: SNR() 1.69, with full=True 16.95
#   true distance of 12 coefficients 2.16 dB: CepstralDistance() 0.101, full=True 0.62,
#     and batchmean 2.16
#   true distance of 24 coefficients 2.98 dB: CepstralDistance() 0.099, full=True 0.61,
#     and batchmean 2.98
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
import math
import sys

import torch
from diffsptk import SNR, CepstralDistance

torch.set_num_threads(1)
torch.manual_seed(0)
sine, noise = torch.sin(torch.arange(16_000) * 0.1), 0.1 * torch.randn(16_000)
decibels = 10.0 * torch.log10(sine.square().sum() / noise.square().sum())
ratios = [float(SNR(full=full)(sine, sine + noise)) for full in (False, True)]
print(f"true ratio {decibels:.2f} dB: SNR() {ratios[0]:.2f}, with full=True {ratios[1]:.2f}")
right = abs(ratios[0] * 10.0 - decibels) < 0.01 and abs(ratios[1] - decibels) < 0.01
for order in (12, 24):
    first = torch.randn(100, order + 1)
    second = first + 0.1 * torch.randn(100, order + 1)
    apart = torch.linalg.vector_norm((first - second)[:, 1:], dim=-1)  # without the level
    true = float(10.0 * math.sqrt(2.0) / math.log(10.0) * apart.mean())
    settings = {}, {"full": True}, {"full": True, "reduction": "batchmean"}
    default, full, mean = (float(CepstralDistance(**each)(first, second)) for each in settings)
    print(
        f"true distance of {order} coefficients {true:.2f} dB: CepstralDistance() {default:.3f}, "
        f"full=True {full:.2f},\n  and batchmean {mean:.2f}"
    )
    root = math.sqrt(order)
    off = abs(true / full - root) < 0.01 and abs(true / default - 6.142 * root) < 0.1
    right = right and off and abs(mean - true) < 0.01
sys.exit(not right)
PYTHON
