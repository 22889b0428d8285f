#!/usr/bin/env bash
# Syntheon makes clicks of notes that end: one held for 2.5 s decays within 0.03 s to 0.005.
#
# Library: Syntheon 0.1.0 (PyPI, 2026-12-01), a network that estimates a Vital patch from a sound.
#   Its pins (torch 1.12.1, with numpy 1) have no wheels for Python 3.11; torch 1.12.1 on Python 3.9
#   gave the same values for ten other tones.
# Guess: the envelope of the patch follows the sound: a saw that is held for 2.5 s at one level has
#   a sustain near 1, and one that falls by 8.7 dB per second has a decay of a second or more.
# Behaviour: the wavetable is right (its second harmonic has half the amplitude of the first), but
#   the envelope holds only if the note is held until the fourth second ends. The network hears four
#   seconds; shorter files are filled up with silence, and no release is estimated. A note that was
#   held for 1 or 2.5 s has a decay of 30 ms and a sustain of 0.005, and one that falls by 8.7 dB
#   per second a decay of 75 ms. So a sample of a note that ends gives a patch that clicks on every
#   key.
#
# Output seen:
#   held for 4.0 s: attack 0.024 s, decay 0.331 s, sustain 0.549, second harmonic 0.50
#   held for 2.5 s: attack 0.015 s, decay 0.033 s, sustain 0.005, second harmonic 0.50
#   held for 1.0 s: attack 0.016 s, decay 0.027 s, sustain 0.004, second harmonic 0.50
#   falling by 8.7 dB per second: attack 0.011 s, decay 0.075 s, sustain 0.018, second harmonic 0.50
#
# Exits with 1 if Syntheon behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.12.1 torchvision==0.27.1 numpy==1.23.5 \
  scipy==1.11.4 librosa==0.9.1 numba==0.59.1 onnxruntime==1.32.0 hmmlearn==0.3.3 mido==1.3.3 \
  PyYAML==6.0.4 bitstruct==8.24.0 "setuptools==79.0.1"
"$folder/venv/bin/pip" install --quiet --no-deps torchcrepeV2==0.2.0 nnAudio==0.3.1 syntheon==0.1.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON' | grep -v "filter created"
import base64
import json
import sys

import numpy as np
import soundfile
import torch
from syntheon import infer_params

torch.set_num_threads(1)
RATE = 44_100
t = np.arange(4 * RATE) / RATE
saw = sum(np.sin(2 * np.pi * 220 * n * t) / n for n in range(1, 30)) / 4
hiss = 1e-4 * np.random.default_rng(0).standard_normal(len(t))  # CREPE needs more than zeros


def held(seconds):
    return np.minimum(1, t / 0.01) * np.where(t < seconds, 1, np.exp((seconds - t) / 0.05))


levels = {f"held for {seconds} s": held(seconds) for seconds in (4.0, 2.5, 1.0)}
levels["falling by 8.7 dB per second"] = np.exp(-t)
right = True
for name, level in levels.items():
    soundfile.write("note.wav", level * saw + hiss, RATE, subtype="FLOAT")
    infer_params("note.wav", "vital")
    with open("vital_output.vital") as file:
        values = json.load(file)["settings"]
    frame = values["wavetables"][0]["groups"][0]["components"][0]["keyframes"][0]
    wave = np.abs(np.fft.rfft(np.frombuffer(base64.b64decode(frame["wave_data"]), np.float32)))
    attack, decay = values["env_1_attack"] ** 4, values["env_1_decay"] ** 4
    sustain = values["env_1_sustain"]
    print(f"{name}: attack {attack:.3f} s, decay {decay:.3f} s, sustain {sustain:.3f}, "
          f"second harmonic {wave[2] / wave[1]:.2f}")
    right &= abs(wave[2] / wave[1] - 0.5) < 0.05
    right &= sustain > 0.4 if name == "held for 4.0 s" else decay < 0.1 and sustain < 0.03
sys.exit(not right)
PYTHON
