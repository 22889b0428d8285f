#!/usr/bin/env bash
# SWIPE in pysptk hears a tone below its max up to 91 cents flat, and near its max an octave low.
#
# Library: pysptk 1.0.1 (PyPI), the speech signal processing toolkit SPTK for Python.
# Guess: pysptk.swipe hears a steady tone within 5 cents wherever it lies between min and max. A
#   lower max saves time and octave errors, and does not change the pitch of what lies below it.
# Behaviour: it is right in the lower half of the range. At 0.8 of max a triangle is 10 to 42 cents
#   flat and a sine 45 to 91. At 0.9 of a max of 600 or 1,200 Hz both are an octave low. With twice
#   the max the same triangle is within 6 cents, and the same sine within 23. So the closer max is
#   to the highest note, the flatter that note is heard. Set max to twice the highest note. The
#   documentation calls max the "maximum fundamental frequency".
#
# Output seen (median over frames, in cents; min is 60 Hz, 44.1 kHz):
#   max  240,  120 Hz:  triangle     0.0, twice the max   0.0  sine     3.1, twice the max   3.1
#   max  240,  192 Hz:  triangle   -10.5, twice the max  -2.7  sine   -44.9, twice the max  -7.4
#   max  240,  216 Hz:  triangle   -20.7, twice the max  -0.4  sine   -69.1, twice the max   5.9
#   max  600,  300 Hz:  triangle     4.3, twice the max   4.3  sine    23.1, twice the max  23.1
#   max  600,  480 Hz:  triangle   -39.0, twice the max  -3.1  sine   -89.0, twice the max  -4.7
#   max  600,  540 Hz:  triangle -1202.3, twice the max   0.8  sine -1203.9, twice the max   5.5
#   max 1200,  600 Hz:  triangle     5.9, twice the max   5.9  sine    16.8, twice the max  16.8
#   max 1200,  960 Hz:  triangle   -42.2, twice the max  -3.1  sine   -90.6, twice the max  -6.2
#   max 1200, 1080 Hz:  triangle -1203.9, twice the max  -0.8  sine -1205.5, twice the max   0.8
#
# Exits with 1 if pysptk behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pysptk==1.0.1 numpy==2.2.6 scipy==1.17.1 setuptools==80.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import pysptk

RATE = 44_100
TIMES = np.arange(RATE) / RATE


def sine(hz):
    return np.sin(2 * np.pi * hz * TIMES)


def triangle(hz):
    odd = range(1, int(RATE / 2 / hz), 2)
    return sum((-1) ** (k // 2) * np.sin(2 * np.pi * hz * k * TIMES) / k**2 for k in odd)


def cents(sound, hz, highest):
    """The median of SWIPE's pitch, in cents above the true one, where it hears a pitch."""
    heard = pysptk.swipe(sound * 8000.0, fs=RATE, hopsize=441, min=60.0, max=highest)[10:-10]
    assert (heard > 0).all()
    return 1200 * np.log2(np.median(heard) / hz)


right = True
for highest in (240.0, 600.0, 1200.0):
    for part in (0.5, 0.8, 0.9):
        hz = highest * part
        print(f"max {highest:4.0f}, {hz:4.0f} Hz:", end="")
        for shape in (triangle, sine):
            near, far = (cents(shape(hz), hz, top) for top in (highest, 2 * highest))
            print(f"  {shape.__name__} {near:7.1f}, twice the max {far:5.1f}", end="")
            right &= abs(far) < (10.0 if shape is triangle else 35.0)
            right &= near == far if part == 0.5 else near < (-8.0 if shape is triangle else -40.0)
        print()
        right &= near < -1195.0 if highest > 240.0 and part == 0.9 else near > -100.0
sys.exit(not right)
PYTHON
