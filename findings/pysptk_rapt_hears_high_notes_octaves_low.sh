#!/usr/bin/env bash
# RAPT in pysptk hears a steady note above 750 Hz one to five octaves low, and calls it voiced.
#
# Library: pysptk 1.0.1 (PyPI), the speech signal processing toolkit SPTK for Python.
# Guess: pysptk.rapt hears a steady tone within 5 cents wherever it lies between min and max: its
#   search is coarse in a first pass, but a second pass at the full rate refines what it finds.
# Behaviour: at 44.1 kHz it is exact up to F5 (698 Hz). Above, it takes 2 to 21 periods for one: G5
#   is an octave low, a saw of A5 two octaves, and A6 four. Nearly all frames are voiced. A higher
#   max does not help. At 16 kHz sines are right up to a max of 1,200 Hz, but a saw of G5 is not. So
#   high notes, as of a flute or a lead, get wrong pitches that look sure, and no word is said.
#
# Output seen (median over frames, in cents; share of frames that are voiced):
#   44100 Hz, max 1000 Hz
#     A3   220.0 Hz: sine     0.0 (100% voiced), saw     0.2 (100% voiced)
#     A4   440.0 Hz: sine    -0.0 (100% voiced), saw     0.7 (100% voiced)
#     F5   698.5 Hz: sine    -0.0 (100% voiced), saw     0.9 (100% voiced)
#     G5   784.0 Hz: sine -1200.0 (100% voiced), saw -1200.0 (100% voiced)
#     A5   880.0 Hz: sine -1915.0 (100% voiced), saw -2399.8 (100% voiced)
#   44100 Hz, max 2000 Hz
#     A3   220.0 Hz: sine     0.0 (100% voiced), saw     0.2 (100% voiced)
#     A4   440.0 Hz: sine    -0.0 (100% voiced), saw     0.7 (100% voiced)
#     F5   698.5 Hz: sine    -0.0 (100% voiced), saw     0.9 (100% voiced)
#     G5   784.0 Hz: sine -1200.0 (100% voiced), saw -1200.0 (100% voiced)
#     A5   880.0 Hz: sine    55.8 (100% voiced), saw -2399.8 (100% voiced)
#     C#6 1108.7 Hz: sine -2786.3 (100% voiced), saw -2786.6 (100% voiced)
#     G6  1568.0 Hz: sine -4133.4 (100% voiced), saw -4149.3 ( 95% voiced)
#     A6  1760.0 Hz: sine -4984.3 ( 99% voiced), saw -5265.9 ( 72% voiced)
#   16000 Hz, max 1200 Hz
#     A3   220.0 Hz: sine     0.0 (100% voiced), saw    -1.2 (100% voiced)
#     A4   440.0 Hz: sine     0.1 (100% voiced), saw     2.3 (100% voiced)
#     F5   698.5 Hz: sine     0.1 (100% voiced), saw    -1.7 (100% voiced)
#     G5   784.0 Hz: sine    -0.1 (100% voiced), saw -1201.8 (100% voiced)
#     A5   880.0 Hz: sine     0.1 (100% voiced), saw     4.4 (100% voiced)
#     C#6 1108.7 Hz: sine    -6.7 (100% voiced), saw -2785.4 (100% voiced)
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


def heard(hz, rate, highest, partials):
    times = np.arange(rate) / rate
    sound = sum(np.sin(2 * np.pi * hz * k * times) / k for k in range(1, partials + 1))
    pitch = pysptk.rapt(
        (8000.0 * sound).astype(np.float32), fs=rate, hopsize=rate // 100, min=60.0, max=highest
    )[10:-10]
    voiced = pitch > 0
    return 1200 * np.log2(np.median(pitch[voiced]) / hz), voiced.mean()


notes = {"A3": 57, "A4": 69, "F5": 77, "G5": 79, "A5": 81, "C#6": 85, "G6": 91, "A6": 93}
right = True
for rate, highest in ((44_100, 1000.0), (44_100, 2000.0), (16_000, 1200.0)):
    print(f"{rate} Hz, max {highest:.0f} Hz")
    for name, midi in notes.items():
        hz = 440.0 * 2 ** ((midi - 69) / 12)
        if hz > 0.95 * highest:
            continue
        sine, sine_voiced = heard(hz, rate, highest, 1)
        saw, saw_voiced = heard(hz, rate, highest, int(rate / 2 / hz))
        print(
            f"  {name:3s} {hz:6.1f} Hz: sine {sine:7.1f} ({sine_voiced:4.0%} voiced), "
            f"saw {saw:7.1f} ({saw_voiced:4.0%} voiced)"
        )
        right &= min(sine_voiced, saw_voiced) > 0.6
        if midi <= 77:
            right &= max(abs(sine), abs(saw)) < 5.0
        elif rate == 44_100:
            right &= saw < -1100.0 and abs(sine) > 50.0
        else:
            right &= abs(sine) < 10.0
sys.exit(not right)
PYTHON
