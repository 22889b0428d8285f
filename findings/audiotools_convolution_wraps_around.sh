#!/usr/bin/env bash
# The convolution of descript-audiotools puts the reverb of a sound's end at its beginning.
#
# Library: descript-audiotools 0.7.2 (PyPI), audio signals, effects and losses for PyTorch.
# Guess: convolve and apply_ir give the first samples of the convolution, as many as the sound has.
#   The echo of a click that comes after the end of the sound is cut off. A sound that is silent at
#   first is silent at first with reverb, too.
# Behaviour: the echo comes at the beginning of the sound, before the click. The transforms of both
#   have the length of the sound, without any zeros after it, so the convolution is circular. If
#   noise begins after half a second of silence, its reverb fills the silence, 6 dB softer than the
#   noise. Also, the impulse response of the caller is cut to the length of the sound, or filled up
#   to it. So it stays short for all later sounds.
#
# Output seen (44.1 kHz):
#   convolve, a click at 0.9 s with an echo after 0.3 s: 0.5 at 0.2 s, 1.0 at 0.9 s
#   apply_ir, a click at 0.9 s with an echo after 0.3 s: 0.5 at 0.2 s, 1.0 at 0.9 s
#   noise after 0.5 s with reverb, found: -21 dB before it, -15 dB in it
#   noise after 0.5 s with reverb, guess: -153 dB before it, -15 dB in it
#   the impulse response had 88200 samples, and has 44100
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
from scipy.signal import fftconvolve

RATE = 44100
click = torch.zeros(1, 1, RATE)
click[..., int(0.9 * RATE)] = 1.0
echo = torch.zeros(1, 1, RATE // 2)
echo[..., 0], echo[..., int(0.3 * RATE)] = 1.0, 0.5


def level(part):
    return 10.0 * float(torch.log10((part**2).mean() + 1e-20))


places = {}
for name in ("convolve", "apply_ir"):
    wet = getattr(AudioSignal(click.clone(), RATE), name)(AudioSignal(echo.clone(), RATE))
    data = wet.audio_data[0, 0]
    places[name] = [(int(k) / RATE, float(data[k])) for k in torch.nonzero(data.abs() > 0.01)]
    clicks = ", ".join(f"{value:.1f} at {place:.1f} s" for place, value in places[name])
    print(f"{name}, a click at 0.9 s with an echo after 0.3 s: {clicks}")
torch.manual_seed(0)
noise = 0.1 * torch.randn(1, 1, RATE)
noise[..., : RATE // 2] = 0.0
times = torch.arange(2 * RATE) / RATE
room = torch.randn(1, 1, 2 * RATE) * 0.02 * torch.exp(-3.0 * times)
room[..., 0] = 1.0
response = AudioSignal(room.clone(), RATE)
wet = AudioSignal(noise.clone(), RATE).convolve(response).audio_data[0, 0]
guess = torch.from_numpy(fftconvolve(noise[0, 0].numpy(), room[0, 0].numpy())[:RATE])
levels = {}
for name, data in (("found", wet), ("guess", guess)):
    levels[name] = [level(data[: RATE // 2 - 1]), level(data[RATE // 2 :])]
    print(f"noise after 0.5 s with reverb, {name}: {levels[name][0]:.0f} dB before it", end="")
    print(f", {levels[name][1]:.0f} dB in it")
print(f"the impulse response had {2 * RATE} samples, and has {response.signal_length}")
early = all(abs(found[0][0] - 0.2) < 0.001 and len(found) == 2 for found in places.values())
loud = levels["found"][0] > -40 and levels["guess"][0] < -100
sys.exit(not (early and loud and response.signal_length == RATE))
PYTHON
