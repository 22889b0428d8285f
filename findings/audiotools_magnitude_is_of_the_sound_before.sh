#!/usr/bin/env bash
# An effect of descript-audiotools leaves the magnitude of a signal as it was before the effect.
#
# Library: descript-audiotools 0.7.2 (PyPI), audio signals, effects and losses for PyTorch.
# Guess: signal.magnitude is the magnitude of the sound that the signal has now. After 20 dB more it
#   is ten times as large, as it is in a new signal of the same sound.
# Behaviour: it is the magnitude of the sound at the time when it was first asked for. The setter of
#   audio_data resets the loudness, but not the transform. Only low_pass and high_pass reset it.
#   volume_change, equalizer, clip_distortion, resample, convolve and arithmetic with signals do
#   not, and a product or a clone takes the old transform along. istft() then gives the sound from
#   before the effect. stft() computes it anew, and mel_spectrogram calls that itself.
#
# Output seen (a sine of 440 Hz at 44.1 kHz; the peak of the magnitude, and of a new signal's):
#   volume_change(20): 4.53 before, 4.53 after, new 45.29
#   signal * 10: 4.53 before, 4.53 after, new 45.29
#   signal - signal: 4.53 before, 4.53 after, new 0.00
#   clip_distortion(0.9): 4.53 before, 4.53 after, new 0.90
#   equalizer(-1): 4.53 before, 4.53 after, new 0.45
#   low_pass(100): 4.53 before, 0.19 after, new 0.19
#   a sine of 0.01, 20 dB louder, after istft: 0.01, guess 0.10
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

RATE = 44100
sine = 0.01 * torch.sin(2.0 * torch.pi * 440.0 * torch.arange(RATE) / RATE)[None, None]
EFFECTS = {
    "volume_change(20)": lambda signal: signal.volume_change(20.0),
    "signal * 10": lambda signal: signal * 10.0,
    "signal - signal": lambda signal: signal - signal,
    "clip_distortion(0.9)": lambda signal: signal.clip_distortion(0.9),
    "equalizer(-1)": lambda signal: signal.equalizer(-torch.ones(6)),
    "low_pass(100)": lambda signal: signal.low_pass(100.0),
}


def peak(signal):
    return float(signal.magnitude.max())


found = {}
for name, effect in EFFECTS.items():
    signal = AudioSignal(sine.clone(), RATE)
    before = peak(signal)
    signal = effect(signal)
    found[name] = before, peak(signal), peak(AudioSignal(signal.audio_data, RATE))
    print(f"{name}: {before:.2f} before, {found[name][1]:.2f} after, new {found[name][2]:.2f}")
signal = AudioSignal(sine.clone(), RATE)
signal.log_magnitude()
signal.volume_change(20.0).istft()
sound = float(signal.audio_data.abs().max())
print(f"a sine of 0.01, 20 dB louder, after istft: {sound:.2f}, guess 0.10")
low = found.pop("low_pass(100)")
same = all(before == after != new for before, after, new in found.values())
sys.exit(not (same and low[1] == low[2] and sound < 0.011))
PYTHON
