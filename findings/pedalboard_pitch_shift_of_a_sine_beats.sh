#!/usr/bin/env bash
# Pedalboard's PitchShift makes a pair of beating tones of a sine, neither at the pitch asked for.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects for Python; PitchShift uses Rubber Band.
# Guess: a sine of 440 Hz, 12 semitones up, is a steady sine of 880 Hz, as time_stretch makes it.
# Behaviour: it is two lines of about equal level, 872 and 888 Hz, with 20 dB less between them at
#   880 Hz. The level swings by 10 dB, 17 times per second. 12 semitones down, the lines are at
#   207 and 232 Hz. A pitch measured from its strongest line is 16 cents sharp upwards and 109
#   cents flat downwards, and the tone gets a tremolo which the source lacks. time_stretch without
#   formants is right to 0.1 dB.
#
# Output seen (strongest line; level at the pitch asked for, against the input; swing of the level):
#   PitchShift, 12 up: 888.3 Hz; -20.3 dB at 880 Hz; 10.4 dB
#   PitchShift, 12 down: 206.6 Hz; -22.2 dB at 220 Hz; 16.3 dB
#   time_stretch, 12 up: 880.0 Hz; -0.0 dB at 880 Hz; 0.0 dB
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
sine = (0.5 * np.sin(2.0 * np.pi * 440.0 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def look(name, sound, wanted):
    sound = np.ravel(sound)[RATE : 2 * RATE].astype(float)
    window = np.hanning(RATE)
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * window, size)) / window.sum() * 4.0
    line = float(np.argmax(spectrum)) * RATE / size
    level = 20.0 * np.log10(spectrum[round(wanted * size / RATE)])
    blocks = np.sqrt(np.mean(sound[:44000].reshape(-1, 200) ** 2, axis=1))
    swing = 20.0 * np.log10(blocks.max() / blocks.min())
    print(f"{name}: {line:.1f} Hz; {level:.1f} dB at {wanted:.0f} Hz; {swing:.1f} dB")
    return line, level, swing


up = look("PitchShift, 12 up", pedalboard.PitchShift(12)(sine, RATE), 880.0)
down = look("PitchShift, 12 down", pedalboard.PitchShift(-12)(sine, RATE), 220.0)
keywords = {"pitch_shift_in_semitones": 12.0, "preserve_formants": False}
right = look("time_stretch, 12 up", pedalboard.time_stretch(sine, RATE, **keywords), 880.0)
wrong = up[1] < -12.0 and down[1] < -12.0 and up[2] > 6.0 and abs(up[0] - 880.0) > 4.0
sys.exit(not (wrong and abs(right[0] - 880.0) < 1.0 and abs(right[1]) < 0.5))
PYTHON
