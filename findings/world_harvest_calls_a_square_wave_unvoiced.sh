#!/usr/bin/env bash
# WORLD's pitch tracker Harvest hears no pitch at all in a steady sine, triangle or square wave.
#
# Library: pyworld 0.3.5 (PyPI), the WORLD vocoder.
# Guess: Harvest, the newer and slower of WORLD's two trackers, finds the pitch of a clean periodic
#   wave in all frames where the older one, DIO, finds it.
# Behaviour: at 220 Hz, Harvest calls each frame of a sine, a triangle and a square unvoiced (f0 is
#   0), where DIO is within 0.1 cents. A sawtooth is heard. The missing harmonics seem to be the
#   reason: a sine is heard with harmonics 2 to 6 at -60 dB, or with noise, which does not help the
#   square. (At 440 Hz a triangle and a square are heard; a sine is not.) So WORLD takes clean notes
#   of a synthesizer for noise, and says nothing.
#
# Output seen (share of frames with a pitch, and its median error in cents):
#                     harvest              dio
#   sine              0.00                 1.00, 0.0
#   triangle          0.00                 1.00, 0.0
#   square            0.00                 1.00, 0.0
#   sawtooth          1.00, 0.0            1.00, 0.0
#   sine and noise    1.00, -0.4           1.00, 0.0
#   square and noise  0.00                 1.00, 0.0
#
# Exits with 1 if pyworld behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyworld==0.3.5 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pyworld

RATE, PITCH = 44_100, 220.0
ODD = range(1, 40, 2)
WAVES = {
    "sine": {1: 1.0},
    "triangle": {number: (-1.0) ** (number // 2) / number**2 for number in ODD},
    "square": {number: 1.0 / number for number in ODD},
    "sawtooth": {number: 1.0 / number for number in range(1, 40)},
}
noise = 0.01 * np.random.default_rng(0).standard_normal(RATE)


def sound(name):
    phase = 2.0 * np.pi * PITCH * np.arange(RATE) / RATE
    return 0.3 * sum(level * np.sin(number * phase) for number, level in WAVES[name].items())


def track(tracker, audio):
    pitch = tracker(audio, RATE)[0][20:-20]
    voiced = pitch[pitch > 0.0]
    error = 1200.0 * np.log2(np.median(voiced) / PITCH) + 0.0 if voiced.size else None
    return voiced.size / pitch.size, error


def show(name, audio):
    seen = track(pyworld.harvest, audio), track(pyworld.dio, audio)
    texts = [f"{share:.2f}" + ("" if cents is None else f", {cents:.1f}") for share, cents in seen]
    print(f"{name:16s}  {texts[0]:20s} {texts[1]}".replace("-0.0", "0.0"))
    return [share for share, _ in seen]


shares = [show(name, sound(name)) for name in WAVES]
shares += [show(f"{name} and noise", sound(name) + noise) for name in ("sine", "square")]
sys.exit(not np.allclose(shares, [[0, 1], [0, 1], [0, 1], [1, 1], [1, 1], [0, 1]], atol=0.05))
PYTHON
