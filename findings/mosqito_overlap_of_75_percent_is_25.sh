#!/usr/bin/env bash
# MoSQITo takes an overlap of 75 % for one of 25 %, and one of 10 % for 90 %.
#
# Library: mosqito 1.2.1 (PyPI), sound quality metrics.
# Guess: noverlap is the number of points that two segments share, as its docstring says, and as in
#   SciPy. So segments of 4096 points with 3072 of overlap begin 1024 points apart.
# Behaviour: they begin 3072 points apart. The overlap is used as the step from one segment to the
#   next. Only half of a segment, the default, and 0, which is taken for a whole segment, are right.
#   Loudness, sharpness, roughness and tonality of segments all have this. A user who asks for a
#   finer curve gets a coarser one, of a third of the values. A user who asks for a small overlap
#   gets several times as many values, and waits as much longer.
#
# Output seen (a sine of 2 s at 48 kHz):
#   overlap 0.0%: loudness each 85 ms, guess 85 ms; roughness each 200 ms, guess 200 ms
#   overlap 25.0%: loudness each 21 ms, guess 64 ms; roughness each 50 ms, guess 150 ms
#   overlap 50.0%: loudness each 43 ms, guess 43 ms; roughness each 100 ms, guess 100 ms
#   overlap 75.0%: loudness each 64 ms, guess 21 ms; roughness each 150 ms, guess 50 ms
#   overlap 87.5%: loudness each 75 ms, guess 11 ms; roughness each 175 ms, guess 25 ms
#
# Exits with 1 if MoSQITo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mosqito==1.2.1 numpy==2.2.6 scipy==1.17.1 \
    matplotlib==3.10.8 pyuff==2.5.8
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from mosqito import loudness_zwst_perseg, roughness_dw

RATE = 48000
sine = 0.02 * np.sin(2.0 * np.pi * 1000.0 * np.arange(2 * RATE) / RATE)


def steps(times):
    """The time between two values in milliseconds."""
    return 1000.0 * float(np.mean(np.diff(times)))


found = []
for overlap in (0.0, 0.25, 0.5, 0.75, 0.875):
    points = int(4096 * overlap)
    loudness = loudness_zwst_perseg(sine, RATE, nperseg=4096, noverlap=points)
    roughness = roughness_dw(sine, RATE, overlap=overlap)
    step, rough = steps(loudness[3]), steps(roughness[3])
    guess, rough_guess = (1.0 - overlap) * 4096 / RATE * 1000.0, (1.0 - overlap) * 200.0
    found.append((step / guess, rough / rough_guess))
    print(f"overlap {overlap:.1%}: loudness each {step:.0f} ms, guess {guess:.0f} ms", end="")
    print(f"; roughness each {rough:.0f} ms, guess {rough_guess:.0f} ms")
guess = [1.0, 1 / 3, 1.0, 3.0, 7.0]
sys.exit(not np.allclose(found, np.stack([guess, guess], 1), rtol=0.02))
PYTHON
