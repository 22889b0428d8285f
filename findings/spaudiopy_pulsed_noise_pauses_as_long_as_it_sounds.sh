#!/usr/bin/env bash
# spaudiopy's pulsed noise ignores its pause: each pause is as long as a pulse.
#
# Library: spaudiopy 0.2.0 (PyPI), seen 2026-12-01; process.pulsed_noise.
# Guess: pulsed_noise(t_noise, t_pause, fs, reps) has pulses of t_noise seconds with pauses of
#   t_pause seconds: the docs call t_pause "t in s between pulses".
# Behaviour: the source makes the pause of int(fs * t_noise) zeros and never reads t_pause. So
#   pulses of 0.5 s that should come every 0.6 s come every 1 s, and the whole is as long for any
#   pause. The times of a listening test that are counted from t_pause run away from the sound.
#   The pulses themselves have the right length.
#   Workaround: append np.zeros(int(fs * t_pause)) to calls with reps=1, and drop their own pause.
#
# Output seen (48 kHz, 3 pulses):
#   pulse 0.5 s, pause 0.1 s: sounds for 0.500 s; starts every 1.000 s, should be 0.600 s
#   pulse 0.5 s, pause 1.0 s: sounds for 0.500 s; starts every 1.000 s, should be 1.500 s
#   pulse 0.2 s, pause 0.8 s: sounds for 0.200 s; starts every 0.400 s, should be 1.000 s
#   pulse 0.3 s, pause 0.3 s: sounds for 0.300 s; starts every 0.600 s, should be 0.600 s
#
# Exits with 1 if spaudiopy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet spaudiopy==0.2.0 numpy==1.26.4 scipy==1.14.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON' | grep -v PortAudio
import sys

import numpy as np
from spaudiopy.process import pulsed_noise

RATE, PULSES = 48000, 3
right = True
for pulse, pause in ((0.5, 0.1), (0.5, 1.0), (0.2, 0.8), (0.3, 0.3)):
    np.random.seed(0)
    sound = pulsed_noise(pulse, pause, RATE, reps=PULSES)
    # A pulse begins after at least 20 ms of silence, and ends where such a silence begins.
    loud = np.flatnonzero(sound)
    gaps = np.flatnonzero(np.diff(loud) > 0.02 * RATE)
    starts = loud[np.r_[0, gaps + 1]] / RATE
    ends = (loud[np.r_[gaps, len(loud) - 1]] + 1) / RATE
    every, length = np.diff(starts), ends - starts
    print(
        f"pulse {pulse} s, pause {pause} s: sounds for {length.mean():.3f} s;"
        f" starts every {every.mean():.3f} s, should be {pulse + pause:.3f} s"
    )
    right = right and len(starts) == PULSES and np.allclose(length, pulse, atol=0.001)
    right = right and np.allclose(every, 2.0 * pulse, atol=0.001)
sys.exit(not right)
PYTHON
