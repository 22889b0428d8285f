#!/usr/bin/env bash
# audioFlux's PitchNCF hears a bass note as 1.9 kHz, five octaves too high.
#
# Library: audioflux 0.1.9 (PyPI), features of audio and music.
# Guess: PitchNCF with its default range (32 to 2,000 Hz) hears a steady note within 20 cents, as
#   PitchYIN of the same library does with the same frames: it takes the highest peak of the
#   correlation, and a frame of 4,096 samples holds nearly four periods of a low E.
# Behaviour: in low notes it takes the shortest lags that it may, where the correlation still falls
#   from its peak at lag 0. At 44.1 kHz each shape of E1 and A1 is heard as 1,917 Hz, and a sine and
#   a triangle of A2 as well. The result is set by high_fre, which the note is far away from: with
#   1,000 Hz it is 980 Hz, and only a square or a saw of A1 is right. PitchYIN hears them all.
#
# Output seen (median over frames, in Hz):
#   PitchNCF                sine  triangle    square       saw
#     E1 ( 41.2 Hz)        1917.4    1917.4    1917.4    1917.4
#     A1 ( 55.0 Hz)        1917.4    1917.4    1917.4    1917.4
#     A2 (110.0 Hz)        1917.4    1917.4     110.0     110.0
#     A3 (220.0 Hz)         220.5     220.5     220.5     220.5
#   PitchNCF to 1 kHz       sine  triangle    square       saw
#     E1 ( 41.2 Hz)         980.0     980.0     980.0     980.0
#     A1 ( 55.0 Hz)         980.0     980.0      55.0      55.0
#     A2 (110.0 Hz)         110.2     110.2     110.0     110.0
#     A3 (220.0 Hz)         220.5     220.5     220.5     220.5
#   PitchYIN                sine  triangle    square       saw
#     E1 ( 41.2 Hz)          41.2      41.2      41.2      41.2
#     A1 ( 55.0 Hz)          55.0      55.0      55.0      55.0
#     A2 (110.0 Hz)         110.0     110.0     110.0     110.0
#     A3 (220.0 Hz)         220.0     220.0     220.0     220.0
#
# Exits with 1 if audioFlux behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audioflux==0.1.9 numpy==1.26.4 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from audioflux.mir import PitchNCF, PitchYIN

RATE = 44_100
TIMES = np.arange(RATE) / RATE
SHAPES = {
    "sine": lambda k: float(k == 1),
    "triangle": lambda k: (k % 2) * (-1) ** (k // 2) / k**2,
    "square": lambda k: (k % 2) / k,
    "saw": lambda k: 1 / k,
}


def tone(hz, shape):
    partials = range(1, int(RATE / 2 / hz))
    sound = sum(shape(k) * np.sin(2 * np.pi * hz * k * TIMES) for k in partials if shape(k))
    return (0.4 * sound).astype(np.float32)


seen = {}
trackers = {
    "PitchNCF": PitchNCF(samplate=RATE),
    "PitchNCF to 1 kHz": PitchNCF(samplate=RATE, high_fre=1000.0),
    "PitchYIN": PitchYIN(samplate=RATE),
}
for tracker_name, tracker in trackers.items():
    print(f"{tracker_name:18s}" + "".join(f"{name:>10s}" for name in SHAPES))
    for note, midi in (("E1", 28), ("A1", 33), ("A2", 45), ("A3", 57)):
        hz = 440.0 * 2 ** ((midi - 69) / 12)
        row = []
        for shape in SHAPES.values():
            heard = tracker.pitch(tone(hz, shape))
            heard = heard[0] if isinstance(heard, tuple) else heard
            row.append(float(np.median(heard[2:-2])))
        seen[tracker_name, note] = row
        print(f"  {note} ({hz:5.1f} Hz)    " + "".join(f"{value:10.1f}" for value in row))
low = min(seen["PitchNCF", "E1"] + seen["PitchNCF", "A1"])
right = all(abs(value - 220.0) < 2.5 for value in seen["PitchNCF", "A3"] + seen["PitchYIN", "A3"])
yin = all(abs(value / 55.0 - 1) < 0.01 for value in seen["PitchYIN", "A1"])
sys.exit(not (low > 1800.0 and right and yin))
PYTHON
