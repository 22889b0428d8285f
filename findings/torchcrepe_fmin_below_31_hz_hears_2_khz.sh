#!/usr/bin/env bash
# torchcrepe hears nearly 2 kHz in every sound if its fmin is below 31.7 Hz.
#
# Library: torchcrepe 0.0.24 (PyPI), the pitch tracker CREPE in PyTorch, with its weights.
# Guess: a lower fmin only allows lower pitches too, so a note of 110 Hz is heard at 110 Hz with an
#   fmin of 50 Hz as with one of 27.5 Hz, a piano's lowest key.
# Behaviour: with 50 and 32 Hz it is heard at 110 Hz, and with 31, 30 or 27.5 Hz near fmax, with a
#   periodicity of 0.0. The lowest of CREPE's 360 bins is 31.7 Hz. The bin of a lower fmin is a
#   negative number, and the code then forbids all bins but the last ones (probabilities[:, :minidx]
#   counts from the end). Nothing is raised, and each sound and decoder is affected. Whoever then
#   drops frames of low periodicity finds that nothing in a collection has a pitch.
#
# Output seen (median pitch and periodicity):
#   fmin 50.0: 110.2 Hz (0.84), 440 Hz is heard at 439.9 Hz (0.94)
#   fmin 32.0: 110.2 Hz (0.84), 440 Hz is heard at 439.9 Hz (0.94)
#   fmin 31.0: 1971.2 Hz (0.00), 440 Hz is heard at 1971.2 Hz (0.00)
#   fmin 27.5: 1866.9 Hz (0.00), 440 Hz is heard at 1787.1 Hz (0.00)
#
# Exits with 1 if torchcrepe behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 \
  librosa==0.11.0 resampy==0.4.3 tqdm==4.67.1 "setuptools==80.9.0"
"$folder/venv/bin/pip" install --quiet --no-deps torchcrepe==0.0.24
"$folder/venv/bin/python" - <<'PYTHON'
import math
import sys
import types

import torch

sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # torchcrepe only reads files with it
import torchcrepe

torch.set_num_threads(1)
RATE = 16_000


def heard(pitch, lowest):
    phase = 2.0 * math.pi * pitch * torch.arange(RATE // 2) / RATE
    audio = 0.3 * sum(torch.sin(number * phase) / number for number in (1, 2, 3))
    pitches, periodicity = torchcrepe.predict(
        audio[None], RATE, hop_length=160, fmin=lowest, fmax=2000.0, model="tiny",
        decoder=torchcrepe.decode.weighted_argmax, batch_size=64, return_periodicity=True)
    return float(pitches.median()), float(periodicity.median())


right = True
for lowest in (50.0, 32.0, 31.0, 27.5):
    low, high = heard(110.0, lowest), heard(440.0, lowest)
    print(f"fmin {lowest}: {low[0]:.1f} Hz ({low[1]:.2f}), "
          f"440 Hz is heard at {high[0]:.1f} Hz ({high[1]:.2f})")
    if lowest > 31.7:
        right &= abs(low[0] - 110.0) < 2.0 and abs(high[0] - 440.0) < 5.0
    else:
        right &= min(low[0], high[0]) > 1500.0 and max(low[1], high[1]) < 0.05
sys.exit(not right)
PYTHON
