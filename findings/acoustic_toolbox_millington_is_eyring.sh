#!/usr/bin/env bash
# acoustic-toolbox's reverberation time by Millington is Eyring's: twice as long in a room with one
# absorbing wall.
#
# Library: acoustic-toolbox 0.2.2 (PyPI), acoustics in Python, the successor of python-acoustics;
#   room.t60_millington and standards.iso_tr_25417_2007.sound_energy_level.
# Guess: Millington's formula has each surface's own ln(1 - absorption), weighted by its area.
#   Eyring's has ln(1 - mean absorption). So the two differ as soon as the surfaces do.
# Behaviour: t60_millington averages the absorption first and then takes the logarithm, which is
#   Eyring's formula. The two functions agree to all digits. In the same library,
#   sound_energy_level lacks the factor of 10 that its documentation states: 1 uJ has 6 dB, not 60.
#
# Output seen (a room of 60 m3; the last number is Millington's formula):
#   [0.05, 0.05, 0.05, 0.05, 0.05, 0.05]: 2.005 s, Eyring 2.005 s, Millington 2.005 s
#   [0.5, 0.3, 0.1, 0.1, 0.05, 0.05]: 0.425 s, Eyring 0.425 s, Millington 0.381 s
#   [0.9, 0.05, 0.05, 0.05, 0.05, 0.05]: 0.392 s, Eyring 0.392 s, Millington 0.194 s
#   level of 1 uJ: 6.0 dB
#
# Exits with 1 if acoustic-toolbox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet acoustic-toolbox==0.2.2 pyoctaveband==2.0.0 \
    pandas==3.1.1 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from acoustic_toolbox.room import t60_eyring, t60_millington
from acoustic_toolbox.standards.iso_tr_25417_2007 import sound_energy_level

VOLUME = 60.0
areas = np.array([20.0, 20.0, 15.0, 15.0, 12.0, 12.0])
as_seen = True
for absorption in ([0.05] * 6, [0.5, 0.3, 0.1, 0.1, 0.05, 0.05], [0.9] + [0.05] * 5):
    alpha = np.array(absorption)
    heard = np.ravel(t60_millington(areas, alpha, VOLUME))[0]
    eyring = np.ravel(t60_eyring(areas, alpha, VOLUME))[0]
    right = 24.0 * np.log(10.0) / 343.0 * VOLUME / -(areas @ np.log(1.0 - alpha))
    print(f"{absorption}: {heard:.3f} s, Eyring {eyring:.3f} s, Millington {right:.3f} s")
    as_seen &= abs(heard - eyring) < 1e-6
level = sound_energy_level(1e-6)
print(f"level of 1 uJ: {level:.1f} dB")
sys.exit(not (as_seen and heard > 1.9 * right and abs(level - 6.0) < 1e-6))
PYTHON
