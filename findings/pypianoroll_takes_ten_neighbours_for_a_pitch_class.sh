#!/usr/bin/env bash
# pypianoroll takes ten neighbouring pitches for a pitch class, so its scale rate is no rate.
#
# Library: pypianoroll 1.0.4 (PyPI), piano rolls with metrics for generated music.
# Guess: n_pitch_classes_used of a C major scale is 7, of the chromatic scale 12, and of one note in
#   eight octaves 1. in_scale_rate of a C major scale is 1 in C major, whatever the velocities.
# Behaviour: both scales have 2 classes, and the octaves have 8. The roll of 128 pitches is folded
#   into 12 classes of ten neighbouring pitches, where octaves of twelve pitches should be folded
#   onto each other: pitches 60 to 69 are one class. in_scale_rate adds up the velocities within
#   such classes and divides the sum by the number of sounding steps. So a scale in C major is 25 %
#   in scale with velocities of 1, and 1600 % with velocities of 64. A tune of black keys scores
#   twice as much. tonal_distance takes the same classes. So generated music is not compared by its
#   keys, but by its loudness and its register.
#
# Output seen (the scale is played in 8 notes of a beat each):
#   C major, guess: 7 pitch classes, 100% in C major
#   - velocity 1: 2 pitch classes; in scale 25% by default, 75% with root 0, 100% at best
#   - velocity 64: 2 pitch classes; in scale 1600% by default, 4800% with root 0, 6400% at best
#   chromatic, guess: 12 pitch classes, 58% in C major
#   - velocity 1: 2 pitch classes; in scale 17% by default, 83% with root 0, 100% at best
#   - velocity 64: 2 pitch classes; in scale 1067% by default, 5333% with root 0, 6400% at best
#   C in eight octaves, guess: 1 pitch classes, 100% in C major
#   - velocity 1: 8 pitch classes; in scale 50% by default, 62% with root 0, 62% at best
#   - velocity 64: 8 pitch classes; in scale 3200% by default, 4000% with root 0, 4000% at best
#   black keys, guess: 5 pitch classes, 0% in C major
#   - velocity 1: 2 pitch classes; in scale 50% by default, 50% with root 0, 100% at best
#   - velocity 64: 2 pitch classes; in scale 3200% by default, 3200% with root 0, 6400% at best
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
from pypianoroll.metrics import in_scale_rate, n_pitch_classes_used

BEAT = 24


def roll(pitches, velocity):
    """A piano roll of notes of a beat each."""
    array = np.zeros((BEAT * len(pitches), 128), dtype=int)
    for beat, pitch in enumerate(pitches):
        array[BEAT * beat : BEAT * (beat + 1), pitch] = velocity
    return array


def expected(pitches):
    """The number of pitch classes and the share of notes that are in C major."""
    inside = [pitch % 12 in (0, 2, 4, 5, 7, 9, 11) for pitch in pitches]
    return len({pitch % 12 for pitch in pitches}), sum(inside) / len(pitches)


tunes = {
    "C major": [60, 62, 64, 65, 67, 69, 71, 72],
    "chromatic": list(range(60, 72)),
    "C in eight octaves": [12 * octave for octave in range(2, 10)],
    "black keys": [61, 63, 66, 68, 70, 73, 75, 78],
}
found = {}
for name, pitches in tunes.items():
    classes, share = expected(pitches)
    print(f"{name}, guess: {classes} pitch classes, {share:.0%} in C major")
    for velocity in (1, 64):
        array = roll(pitches, velocity)
        rates = [in_scale_rate(array, root, "major") for root in range(12)]
        found[name, velocity] = n_pitch_classes_used(array), rates[3], rates[0]
        print(
            f"- velocity {velocity}: {found[name, velocity][0]} pitch classes; in scale "
            f"{rates[3]:.0%} by default, {rates[0]:.0%} with root 0, {max(rates):.0%} at best"
        )
neighbours = [found[name, 1][0] for name in tunes] == [2, 2, 8, 2]
loud = all(64.0 * found[name, 1][1] == found[name, 64][1] for name in tunes)
sys.exit(not (neighbours and loud and found["C major", 1][1] == 0.25))
PYTHON
