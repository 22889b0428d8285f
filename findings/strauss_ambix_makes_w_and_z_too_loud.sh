#!/usr/bin/env bash
# STRAUSS' ambiX output has W and Z 0.84 dB too loud: its SN3D factor is wrong for degree 0.
#
# Library: strauss 1.0.3 (PyPI), sonification of data. Seen on 2026-12-01: channels.audio_channels
#   with "ambiX2".
# Guess: the source names the ambiX standard and SN3D normalisation. In that, W is 1 for each
#   direction, and (X, Y, Z) is the unit vector to the source.
# Behaviour: the source has sqrt((2 - 0**m / 4 * pi) (l-m)! / (l+m)!) as the factor. The first
#   bracket is 2 - pi / 4 for degree m = 0, where SN3D has 1. It is 2 for all other degrees, as in
#   SN3D. So the channels of degree 0 (W, Z and R) are 0.84 dB too loud, and X and Y are right.
#   The vector (X, Y, Z) of a source at an elevation of 45 degrees points to 47.8 degrees.
#
# Output seen (a source 45 degrees to the left and 45 degrees up; X is the front):
#   W: 1.102, SN3D 1.000, 0.84 dB
#   Y: 0.500, SN3D 0.500, 0.00 dB
#   Z: 0.779, SN3D 0.707, 0.84 dB
#   X: 0.500, SN3D 0.500, 0.00 dB
#   R: 0.276, SN3D 0.250, 0.84 dB
#   elevation of the vector (X, Y, Z): 47.8 degrees
#
# Exits with 1 if STRAUSS behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2 \
    pychord==1.4.1 sf2utils==1.0.0 PyYAML==6.0.3 wavio==0.0.9 pandas==3.1.1 tqdm==4.70.1 \
    ffmpeg-python==0.2.0 ipython==9.18.1 sounddevice==0.5.6
"$folder/venv/bin/pip" install --quiet --no-deps strauss==1.0.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from strauss.channels import audio_channels

azimuth, elevation = np.radians(45.0), np.radians(45.0)
polar = np.pi / 2.0 - elevation
gains = [
    float(mic.antenna(np.array([azimuth]), np.array([polar]))[0])
    for mic in audio_channels("ambiX2").mics
]
true = {
    0: ("W", 1.0),
    1: ("Y", np.sin(azimuth) * np.cos(elevation)),
    2: ("Z", np.sin(elevation)),
    3: ("X", np.cos(azimuth) * np.cos(elevation)),
    6: ("R", 1.5 * np.sin(elevation) ** 2 - 0.5),
}
errors = []
for channel, (name, value) in true.items():
    errors.append(20.0 * np.log10(gains[channel] / value))
    print(f"{name}: {gains[channel]:.3f}, SN3D {value:.3f}, {abs(errors[-1]):.2f} dB")
heard = np.degrees(np.arctan2(gains[2], np.hypot(gains[1], gains[3])))
print(f"elevation of the vector (X, Y, Z): {heard:.1f} degrees")
right = np.allclose(errors, [0.844, 0.0, 0.844, 0.0, 0.844], atol=0.001)
sys.exit(not (right and abs(heard - 47.8) < 0.05))
PYTHON
