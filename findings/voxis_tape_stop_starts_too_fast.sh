#!/usr/bin/env bash
# Voxis' tape stop starts three times as fast: a note of 440 Hz jumps up to 1.29 kHz first.
#
# Library: voxis 0.0.7 (PyPI), an effects library. Seen on 2026-12-01: tape_stop.
# Guess: the sound slows down from its own speed to a standstill. So A4 begins at 440 Hz, and is
#   lower at each later moment.
# Behaviour: the source squeezes the read positions until they reach the end of the sound, so that
#   all of it is heard in the time of the stop. The mean speed is then 1, and the speed at the start
#   is curve + 1: 3 at the default curve of 2. At curve=1 the note starts about an octave sharp,
#   and it is still near its own pitch after half of the stop.
#
# Output seen (a sine of 440 Hz, 1 s, stop_time_ms=1000; pitch over 23 ms from each time on):
#   curve 1:  869 Hz at the start,  650 Hz at 0.25 s, 430 Hz at 0.5 s, 210 Hz at 0.75 s
#   curve 2: 1287 Hz at the start,  718 Hz at 0.25 s, 314 Hz at 0.5 s,  75 Hz at 0.75 s
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
found = []
for curve in (1.0, 2.0):
    stopped = AudioClip.from_array(sine, RATE).apply(tape_stop(stop_time_ms=1000, curve=curve))
    sound = stopped.numpy()[:, 0]
    pitches = []
    for start in (0, RATE // 4, RATE // 2, 3 * RATE // 4):
        frame = sound[start : start + FRAME] * np.hanning(FRAME)
        pitches.append(np.abs(np.fft.rfft(frame, SIZE)).argmax() * RATE / SIZE)
    print(
        f"curve {curve:.0f}: {pitches[0]:4.0f} Hz at the start, {pitches[1]:4.0f} Hz at 0.25 s, "
        f"{pitches[2]:3.0f} Hz at 0.5 s, {pitches[3]:3.0f} Hz at 0.75 s"
    )
    found += pitches
expected = [869, 650, 430, 210, 1287, 718, 314, 75]
sys.exit(not np.allclose(found, expected, atol=5.0))
PYTHON
