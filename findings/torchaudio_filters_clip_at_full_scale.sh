#!/usr/bin/env bash
# torchaudio's filters clip at full scale, so its loudness meter reads loud sounds 2 LU too soft.
#
# Library: torchaudio 2.11.0 (PyPI), sound for PyTorch.
# Guess: a biquad is linear, so torchaudio.functional.equalizer_biquad with 12 dB at 1 kHz lifts a
#   sine there by 12 dB at any level. torchaudio.transforms.Loudness measures by ITU-R BS.1770-4, so
#   it agrees with pyloudnorm within 0.2 LU, and 20 dB less sound is 20 LU less.
# Behaviour: lfilter clips its output to -1 to 1 by default. Each biquad calls it so, has no way to
#   say otherwise, and its documentation does not tell. So 12 dB for a sine at -1 dB are hard
#   clipping. The K-weighting of Loudness lifts treble by 4 dB with such a biquad. What that lifts
#   above full scale is cut off before it is measured: a sine of 3 kHz at full scale reads 2.3 LU
#   too soft, a square wave 1.6 LU. At -20 dB the meters agree. A loud, bright sound that is made
#   equally loud with this meter comes out too loud.
#
# Output seen:
#   equalizer of 12 dB, sine at   0.0 dB:  0.00 dB
#   equalizer of 12 dB, sine at  -1.0 dB:  1.00 dB
#   equalizer of 12 dB, sine at -20.0 dB: 12.00 dB
#   sine of 3 kHz    at   0.0 dB: torchaudio  -2.21, pyloudnorm   0.07 LUFS
#   sine of 3 kHz    at -20.0 dB: torchaudio -19.93, pyloudnorm -19.93 LUFS
#   sine of 10 kHz   at   0.0 dB: torchaudio  -2.13, pyloudnorm   0.30 LUFS
#   sine of 10 kHz   at -20.0 dB: torchaudio -19.70, pyloudnorm -19.70 LUFS
#   square of 220 Hz at   0.0 dB: torchaudio  -2.07, pyloudnorm  -0.52 LUFS
#   square of 220 Hz at -20.0 dB: torchaudio -20.52, pyloudnorm -20.52 LUFS
#
# Exits with 1 if torchaudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 pyloudnorm==0.2.0
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0
# Its compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pyloudnorm
import torch
from torchaudio.functional import equalizer_biquad
from torchaudio.transforms import Loudness

torch.set_num_threads(1)
RATE = 44_100
seconds = np.arange(RATE) / RATE


def tensor(wave):
    return torch.tensor(wave, dtype=torch.float32)[None]


def peak_db(wave):
    return 20.0 * np.log10(np.abs(np.asarray(wave)[..., RATE // 2 :]).max())


gains = []
for db in (0.0, -1.0, -20.0):
    sine = 10.0 ** (db / 20.0) * np.sin(2 * np.pi * 1000.0 * seconds)
    gains.append(peak_db(equalizer_biquad(tensor(sine), RATE, 1000.0, 12.0)) - peak_db(sine))
    print(f"equalizer of 12 dB, sine at {db:5.1f} dB: {gains[-1]:5.2f} dB")
waves = {
    "sine of 3 kHz": np.sin(2 * np.pi * 3000.0 * seconds),
    "sine of 10 kHz": np.sin(2 * np.pi * 10_000.0 * seconds),
    "square of 220 Hz": np.sign(np.sin(2 * np.pi * 220.0 * seconds + 0.01)),
}
off = []
for name, wave in waves.items():
    for db in (0.0, -20.0):
        sound = 10.0 ** (db / 20.0) * wave
        right = pyloudnorm.Meter(RATE).integrated_loudness(sound)
        heard = Loudness(RATE)(tensor(sound)).item()
        off.append(heard - right)
        print(f"{name:16s} at {db:5.1f} dB: torchaudio {heard:6.2f}, pyloudnorm {right:6.2f} LUFS")
loud, soft = np.array(off[::2]), np.array(off[1::2])
clips = gains[0] < 1.0 and gains[1] < 2.0 and 11.9 < gains[2] < 12.1
sys.exit(not (clips and (loud < -1.0).all() and loud.min() < -2.0 and (np.abs(soft) < 0.1).all()))
PYTHON
