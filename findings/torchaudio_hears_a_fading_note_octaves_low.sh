#!/usr/bin/env bash
# torchaudio's pitch tracker hears a fading note at its lowest pitch, up to three octaves too low.
#
# Library: torchaudio 2.11.0 (PyPI), sound for PyTorch.
# Guess: torchaudio.functional.detect_pitch_frequency correlates a frame with the frames after it,
#   and divides by their energies. So a fade does not matter: a sine or a sawtooth of 220 to 880 Hz
#   that fades by 60 dB in 1 or 4 seconds has the pitch of a steady one.
# Behaviour: a steady sine or sawtooth is right within 15 cents. If it fades, 220 Hz is heard an
#   octave low, and 440 and 880 Hz are heard at 88 to 98 Hz, where the search ends. The docstring
#   divides the correlation by the root of the two energies' product. The code divides by the
#   product itself. So the softer the later frame is, the more it counts, and the longest lag that
#   is a number of whole periods wins. Nearly all frames of a plucked or struck note are wrong in
#   the same way, so the pitch curve looks steady.
#
# Output seen (median over frames, in cents):
#   sine     110.0 Hz: steady 12.6, fading 15 dB/s    -0.4, 60 dB/s    -4.7
#   sine     220.0 Hz: steady -4.7, fading 15 dB/s    -4.7, 60 dB/s -1200.4
#   sine     440.0 Hz: steady  3.9, fading 15 dB/s -2785.8, 60 dB/s -2785.8
#   sine     880.0 Hz: steady  3.9, fading 15 dB/s -3985.8, 60 dB/s -3985.8
#   sawtooth 110.0 Hz: steady -0.4, fading 15 dB/s    -0.4, 60 dB/s    -0.4
#   sawtooth 220.0 Hz: steady  3.9, fading 15 dB/s -1200.4, 60 dB/s -1200.4
#   sawtooth 440.0 Hz: steady  3.9, fading 15 dB/s -2785.8, 60 dB/s -2785.8
#   sawtooth 880.0 Hz: steady  3.9, fading 15 dB/s -3803.8, 60 dB/s -3985.8
#
# Exits with 1 if torchaudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0
# Its compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch
from torchaudio.functional import detect_pitch_frequency

torch.set_num_threads(1)
RATE = 44_100
seconds = np.arange(2 * RATE) / RATE


def sine(hz):
    return 0.5 * np.sin(2 * np.pi * hz * seconds)


def sawtooth(hz):
    partials = range(1, int(RATE / 2 / hz) + 1)
    return 0.3 * sum(np.sin(2 * np.pi * n * hz * seconds) / n for n in partials)


def cents(wave, hz):
    heard = detect_pitch_frequency(torch.tensor(wave, dtype=torch.float32)[None], RATE)
    return 1200.0 * np.log2(np.median(heard.numpy()) / hz)


rows = []
for shape in (sine, sawtooth):
    for hz in (110.0, 220.0, 440.0, 880.0):
        wave = shape(hz)
        # A fade of 0 dB, 15 dB and 60 dB each second.
        rows.append([cents(wave * 10.0 ** (-db / 20.0 * seconds), hz) for db in (0.0, 15.0, 60.0)])
        steady, slow, fast = rows[-1]
        print(
            f"{shape.__name__:8s} {hz:5.1f} Hz: steady {steady:4.1f}, "
            f"fading 15 dB/s {slow:7.1f}, 60 dB/s {fast:7.1f}"
        )
off = np.array(rows)
right = (np.abs(off[:, 0]) < 15.0).all() and (np.abs(off[[0, 4]]) < 15.0).all()
octave = (np.abs(off[[1, 5], 2] + 1200.0) < 15.0).all()
lowest = (off[[2, 6], 2] < -2700.0).all() and (off[[3, 7], 2] < -3700.0).all()
sys.exit(not (right and octave and lowest and (off[[2, 3, 6, 7], 1] < -2000.0).all()))
PYTHON
