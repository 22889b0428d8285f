#!/usr/bin/env bash
# Pedalboard's Convolution gives each impulse response the same energy, 18 dB below a unit impulse.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects of JUCE for Python.
# Guess: a convolution with one unit impulse returns its input, an impulse of half the size returns
#   half of it, and an impulse response that was measured keeps the level that it was measured at.
# Behaviour: with mix=1, a unit impulse makes the sound 18.1 dB softer (a factor of 0.125), and so
#   do impulses of 0.01 and of 100. Each response is divided by the square root of its energy and
#   multiplied by 0.125 (JUCE's Convolution::Normalise::yes); no parameter turns it off. So the
#   levels of responses cannot be compared: a second channel, a quieter microphone or a longer tail
#   changes the gain of all the rest. A sum of partial convolutions is not the convolution of the
#   sum.
#
# Output seen:
#   impulse of 0.01: gain 0.1250, by numpy 0.0100
#   impulse of 1: gain 0.1250, by numpy 1.0000
#   impulse of 100: gain 0.1250, by numpy 100.0000
#   two impulses of 1: gain of the first 0.0884, by numpy 1.0000
#
# Exits with 1 if pedalboard behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from pedalboard import Convolution

RATE = 44_100


def gain(response):
    """The gain for a click, of which only the response's first impulse is looked at."""
    click = np.zeros((1, RATE), np.float32)
    click[0, 1000] = 0.5
    effect = Convolution(response[None], mix=1.0, sample_rate=RATE)
    return effect(click, RATE)[0, 900:1100].max() / 0.5


def show(name, response):
    seen, expected = gain(response), np.convolve([1.0], response)[0]
    print(f"{name} {seen:.4f}, by numpy {expected:.4f}")
    return seen


single = np.zeros(4000, np.float32)
single[0] = 1.0
double = single.copy()
double[3000] = 1.0
gains = [show(f"impulse of {size:g}: gain", single * np.float32(size)) for size in (0.01, 1, 100)]
first = show("two impulses of 1: gain of the first", double)
same = np.allclose(gains, 0.125, rtol=0.01)
sys.exit(not (same and abs(first - 0.125 / np.sqrt(2.0)) < 0.002))
PYTHON
