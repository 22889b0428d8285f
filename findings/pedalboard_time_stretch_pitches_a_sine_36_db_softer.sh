#!/usr/bin/env bash
# Pedalboard's time_stretch makes a sine up to 36 dB softer when it changes the pitch.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects for Python; time_stretch uses Rubber Band.
# Guess: a sine that is shifted by some semitones keeps its level, as a change of length does;
#   formants, which are preserved by default, matter to voices only.
# Behaviour: a sine of 1 kHz is 0.8 dB softer after 1 semitone, 10.7 dB after 3 and 35.6 dB after
#   12 (34.7 dB downwards). The only line of its spectrum is taken for a formant, which stays
#   where it was. With preserve_formants=False all is within 0.1 dB. Shifted tones with few
#   partials differ in level by tens of dB, so a loudness or a spectral distance then measures the
#   shift rather than the sound.
#
# Output seen (dB against the input, of 1 kHz; with formants, and without):
#   0 semitones: 0.0, 0.0
#   1 semitones: -0.8, 0.0
#   3 semitones: -10.7, 0.0
#   12 semitones: -35.6, 0.0
#   -12 semitones: -34.7, 0.0
#
# Exits with 1 if pedalboard behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pedalboard

RATE = 44100
sine = (0.5 * np.sin(2.0 * np.pi * 1000.0 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def change(semitones, formants):
    sound = pedalboard.time_stretch(
        sine, RATE, pitch_shift_in_semitones=float(semitones), preserve_formants=formants
    )
    middle = slice(RATE, 2 * RATE)
    return 20.0 * np.log10(np.ravel(sound)[middle].std() / sine[middle].std())


seen = {shift: (change(shift, True), change(shift, False)) for shift in (0, 1, 3, 12, -12)}
for shift, levels in seen.items():
    print(f"{shift} semitones: {', '.join(f'{round(each, 1) + 0.0:.1f}' for each in levels)}")
without = all(abs(level) < 0.1 for _, level in seen.values())
wrong = seen[3][0] < -6.0 and seen[12][0] < -25.0 and seen[-12][0] < -25.0
sys.exit(not (without and wrong and abs(seen[0][0]) < 0.1))
PYTHON
