#!/usr/bin/env bash
# Voxis' tape stop starts at three times the speed: a note of 440 Hz jumps up to 1.29 kHz first.
#
# Library: voxis 0.0.7 (PyPI), an effects library. Seen on 2026-12-01: tape_stop.
# Guess: the sound slows down from its own speed to a standstill. So A4 begins at 440 Hz, and is
#   lower at each later moment.
# Behaviour: the source scales the read positions so that they reach the end of the sound. The whole
#   sound is thus squeezed into the time of the stop, and the mean speed is 1. So the speed at the
#   start is 3.0 at the default curve of 2, or 19 semitones sharp. At curve=1 it is 2.0, an octave
#   sharp, and the note is still near its own pitch after half of the stop.
#
# Output seen (a sine of 440 Hz, 1 s, stop_time_ms=1000; pitch over 23 ms from each time on):
#   curve 1: speed 2.0 (12 semitones) at the start
#            869 Hz at the start, 650 Hz at 0.25 s, 430 Hz at 0.5 s, 210 Hz at 0.75 s
#   curve 2: speed 3.0 (19 semitones) at the start
#            1287 Hz at the start, 718 Hz at 0.25 s, 314 Hz at 0.5 s, 75 Hz at 0.75 s
#
# Exits with 1 if voxis behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps voxis==0.0.7
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from voxis import AudioClip, tape_stop

RATE, FRAME, SIZE = 44_100, 1024, 1 << 16
sine = np.sin(2.0 * np.pi * 440.0 * np.arange(RATE) / RATE).astype(np.float32)[:, None]
ramp = np.linspace(0.0, 1.0, RATE, dtype=np.float32)[:, None]  # the read position, from 0 to 1
found = []
speeds = []
for curve in (1.0, 2.0):
    stop = tape_stop(stop_time_ms=1000, curve=curve)
    position = AudioClip.from_array(ramp, RATE).apply(stop).numpy()[:, 0]
    speeds.append(float(position[100] - position[0]) / float(ramp[100, 0]))
    sound = AudioClip.from_array(sine, RATE).apply(stop).numpy()[:, 0]
    pitches = []
    for start in (0, RATE // 4, RATE // 2, 3 * RATE // 4):
        frame = sound[start : start + FRAME] * np.hanning(FRAME)
        pitches.append(np.abs(np.fft.rfft(frame, SIZE)).argmax() * RATE / SIZE)
    semitones = 12.0 * np.log2(speeds[-1])
    print(f"curve {curve:.0f}: speed {speeds[-1]:.1f} ({semitones:.0f} semitones) at the start")
    print(
        f"{'':9}{pitches[0]:.0f} Hz at the start, {pitches[1]:.0f} Hz at 0.25 s, "
        f"{pitches[2]:.0f} Hz at 0.5 s, {pitches[3]:.0f} Hz at 0.75 s"
    )
    found += pitches
expected = [869, 650, 430, 210, 1287, 718, 314, 75]
right = np.allclose(speeds, [2.0, 3.0], atol=0.03)
sys.exit(not (right and np.allclose(found, expected, atol=5.0)))
PYTHON
