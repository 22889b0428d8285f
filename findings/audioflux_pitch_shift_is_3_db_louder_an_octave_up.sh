#!/usr/bin/env bash
# audioFlux's PitchShift makes a sound 3 dB louder an octave up, and 3 dB softer an octave down.
#
# Library: audioflux 0.1.9 (PyPI), features of audio and music; control: its own TimeStretch.
# Guess: PitchShift.pitch_shift moves the pitch and keeps the level within 0.5 dB.
# Behaviour: the pitch is right within 0.3 cents, but each semitone up adds 0.25 dB, and an octave
#   3 dB. The level grows as if the stretched sound were resampled to its old length with its energy
#   kept, in fewer samples than before. The stretch alone keeps the level. So transposed samples of
#   one note are not equally loud, a loud sound clips when it is shifted up, and a model that learns
#   from shifted copies can read the shift from the level.
#
# Output seen (in the middle of the sound):
#   sine shifted by -12 semitones: -1200.0 cents, -3.01 dB
#   sine shifted by  -5 semitones:  -500.0 cents, -1.25 dB
#   sine shifted by   1 semitones:   100.0 cents,  0.25 dB
#   sine shifted by   7 semitones:   700.0 cents,  1.76 dB
#   sine shifted by  12 semitones:  1200.0 cents,  3.01 dB
#   saw  shifted by -12 semitones: -1200.2 cents, -3.01 dB
#   saw  shifted by  -5 semitones:  -500.2 cents, -1.27 dB
#   saw  shifted by   1 semitones:   100.1 cents,  0.26 dB
#   saw  shifted by   7 semitones:   700.1 cents,  1.77 dB
#   saw  shifted by  12 semitones:  1200.0 cents,  3.01 dB
#   sine played 0.5 times as fast by TimeStretch:  0.00 dB
#   sine played 2 times as fast by TimeStretch:  0.00 dB
#
# Exits with 1 if audioFlux behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audioflux==0.1.9 numpy==1.26.4 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import audioflux
import numpy as np

RATE = 32_000
TIMES = np.arange(3 * RATE) / RATE


def tone(hz, harmonics):
    partials = (np.sin(2 * np.pi * hz * k * TIMES) / k for k in range(1, harmonics + 1))
    return (0.3 * sum(partials)).astype(np.float32)


def middle(sound):
    return sound[len(sound) // 3 : 2 * len(sound) // 3]


def pitch(sound):
    """The strongest frequency, which is the fundamental of these sounds."""
    return np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**20))) * RATE / 2**20


def louder(sound, before):
    """In dB, by the root mean square."""
    return 20 * np.log10(np.std(middle(sound)) / np.std(middle(before)))


shifter, stretcher = audioflux.PitchShift(), audioflux.TimeStretch()
right = True
for name, sound, hz in (("sine", tone(440.0, 1), 440.0), ("saw", tone(110.0, 20), 110.0)):
    for semitones in (-12, -5, 1, 7, 12):
        shifted = shifter.pitch_shift(sound, semitones, samplate=RATE)
        cents = 1200 * np.log2(pitch(middle(shifted)) / hz)
        level = louder(shifted, sound)
        print(f"{name:4s} shifted by {semitones:3d} semitones: {cents:7.1f} cents, {level:5.2f} dB")
        right &= abs(cents - 100 * semitones) < 2.0 and abs(level - semitones / 12 * 3.01) < 0.5
for rate in (0.5, 2.0):
    level = louder(stretcher.time_stretch(tone(440.0, 1), rate), tone(440.0, 1)) + 0.0
    print(f"sine played {rate:g} times as fast by TimeStretch: {round(level, 2) + 0.0:5.2f} dB")
    right &= abs(level) < 0.1
sys.exit(not right)
PYTHON
