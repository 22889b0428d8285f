#!/usr/bin/env bash
# libf0's swipe_slim hears each bass note as 74 Hz, up to nine semitones off.
#
# Library: libf0 1.1.1 (PyPI), pitch trackers for music.
# Guess: swipe_slim hears a clean saw within 30 cents from its default F_min of 55 Hz on, as the
#   library's swipe does.
# Behaviour: a steady note below 130 Hz is heard near 74 Hz, whatever its pitch: A1 is five
#   semitones sharp, B2 nine semitones flat. So a bass line becomes one note. The windows are
#   counted in opposite orders: the distance to the best window from the longest, the loop over
#   them from the shortest. So the lowest notes get a window of 128 samples, less than a period, and
#   the highest notes the longest one. With the order turned around the bass is right.
#
# Output seen (a clean saw):
#   A1, 55.0 Hz: swipe_slim 73.1 Hz (+493 cents), swipe 55.0 Hz (+0 cents)
#   C2, 65.4 Hz: swipe_slim 73.3 Hz (+197 cents), swipe 65.4 Hz (+0 cents)
#   E2, 82.4 Hz: swipe_slim 73.6 Hz (-196 cents), swipe 82.5 Hz (+2 cents)
#   A2, 110.0 Hz: swipe_slim 73.9 Hz (-689 cents), swipe 110.0 Hz (+0 cents)
#   B2, 123.5 Hz: swipe_slim 73.7 Hz (-894 cents), swipe 123.5 Hz (+0 cents)
#   A3, 220.0 Hz: swipe_slim 220.2 Hz (+2 cents), swipe 220.0 Hz (+0 cents)
#   C4, 261.6 Hz: swipe_slim 261.8 Hz (+1 cents), swipe 261.9 Hz (+2 cents)
#
# Exits with 1 if libf0 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet libf0==1.1.1 librosa==0.11.0 numba==0.68.1 \
    numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import libf0
import numpy as np

RATE = 22_050
time = np.arange(RATE // 2) / RATE


def heard(tracker, hz):
    """The median pitch that a tracker hears in a saw."""
    numbers = np.arange(1, int(RATE / 2 / hz) + 1)
    saw = 0.3 * (np.sin(2.0 * np.pi * hz * np.outer(time, numbers)) / numbers).sum(1)
    pitches = tracker(saw, Fs=RATE)[0]
    return float(np.median(pitches[len(pitches) // 4 : -len(pitches) // 4]))


cents = {}
for name, note in {"A1": 33, "C2": 36, "E2": 40, "A2": 45, "B2": 47, "A3": 57, "C4": 60}.items():
    hz = 440.0 * 2.0 ** ((note - 69) / 12)
    found = heard(libf0.swipe_slim, hz), heard(libf0.swipe, hz)
    cents[name] = [1200.0 * np.log2(each / hz) for each in found]
    slim, full = (f"{each:.1f} Hz ({off:+.0f} cents)" for each, off in zip(found, cents[name]))
    print(f"{name}, {hz:.1f} Hz: swipe_slim {slim}, swipe {full}")
wrong = all(abs(cents[name][0]) > 100 for name in ("A1", "C2", "E2", "A2", "B2"))
right = all(abs(cents[name][0]) < 10 for name in ("A3", "C4"))
sys.exit(not (wrong and right and all(abs(full) < 30 for _, full in cents.values())))
PYTHON
