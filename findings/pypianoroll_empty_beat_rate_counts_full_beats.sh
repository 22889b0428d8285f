#!/usr/bin/env bash
# pypianoroll's rate of empty beats is the rate of full ones, and each note is a qualified one.
#
# Library: pypianoroll 1.0.4 (PyPI), piano rolls with metrics for generated music.
# Guess: empty_beat_rate is the share of beats without a note, as its formula says.
#   qualified_note_rate is the share of notes longer than a threshold. polyphonic_rate is the share
#   of steps where several pitches sound, and so is 1 for a piece in two voices.
# Behaviour: empty_beat_rate counts the beats in which anything sounds. So the emptiest generator
#   looks the fullest. qualified_note_rate flattens the roll, time by pitch, and so measures lengths
#   in pitches, 128 a step: a note of 1 step is longer than a threshold of 100. polyphonic_rate
#   counts more than 2 pitches by default, so a piece in two voices has none.
#
# Output seen (4 beats of 24 steps each):
#   notes in no of four beats: 0% empty, guess 100%
#   notes in one of four beats: 25% empty, guess 75%
#   notes in three of four beats: 75% empty, guess 25%
#   two notes of 20 steps and two of 1 step: 100% as long as 10, guess 50%
#   two notes of 20 steps and two of 1 step: 100% as long as 100, guess 0%
#   two voices throughout: 0% polyphonic, guess 100%
#
# Exits with 1 if pypianoroll behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pypianoroll==1.0.4 numpy==2.2.6 scipy==1.17.1 \
    setuptools==80.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from pypianoroll.metrics import empty_beat_rate, polyphonic_rate, qualified_note_rate

BEAT = 24


def roll(notes):
    """A piano roll of four beats, of notes of (first step, pitch, steps)."""
    array = np.zeros((4 * BEAT, 128), dtype=int)
    for start, pitch, length in notes:
        array[start : start + length, pitch] = 64
    return array


one = roll([(0, 60, BEAT)])
three = roll([(BEAT * beat, 60 + beat, BEAT) for beat in range(3)])
rates = [empty_beat_rate(roll([]), BEAT), empty_beat_rate(one, BEAT), empty_beat_rate(three, BEAT)]
for name, rate, guess in zip(("no", "one", "three"), rates, (1.0, 0.75, 0.25), strict=True):
    print(f"notes in {name} of four beats: {rate:.0%} empty, guess {guess:.0%}")
short = roll([(BEAT * beat, 60 + beat, 1 if beat % 2 else 20) for beat in range(4)])
qualified = {}
for threshold, guess in ((10, 0.5), (100, 0.0)):
    qualified[threshold] = qualified_note_rate(short, threshold)
    found = f"{qualified[threshold]:.0%} as long as {threshold}, guess {guess:.0%}"
    print(f"two notes of 20 steps and two of 1 step: {found}")
voices = roll([(BEAT * beat, pitch, BEAT) for beat in range(4) for pitch in (60, 64)])
polyphonic = polyphonic_rate(voices)
print(f"two voices throughout: {polyphonic:.0%} polyphonic, guess 100%")
inverted = rates == [0.0, 0.25, 0.75]
sys.exit(not (inverted and qualified == {10: 1.0, 100: 1.0} and polyphonic == 0.0))
PYTHON
