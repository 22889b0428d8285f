#!/usr/bin/env bash
# tones plays a sawtooth an octave too high, a triangle 3.9 dB too loud, and a glide in steps.
#
# Library: tones 1.2.0 (PyPI), tones as wav files.
# Guess: each wave has the frequency and the peak that it is given ("oscillating at the given
#   frequency with the given amplitude"), and a glide from 3 to 4 kHz is a straight line.
# Behaviour: the sawtooth is the arc tangent of tan(2 pi f t), which comes around twice per period,
#   so one of 440 Hz is one of 880 Hz. It and the triangle, an arc sine, are not divided by pi / 2:
#   their peak is 1.57 times the amplitude, and above 0.64 they clip. A triangle of amplitude 1 has
#   flat tops for 36 % of the time. A glide takes whole samples for a period, so from 3 to 4 kHz it
#   has four pitches: where it should be at 3.7 kHz, it is 139 cents sharp.
#
# Output seen:
#   sine     of 440 Hz and amplitude 0.5: 440.0 Hz, peak 0.500
#   square   of 440 Hz and amplitude 0.5: 440.0 Hz, peak 0.500
#   triangle of 440 Hz and amplitude 0.5: 440.0 Hz, peak 0.785
#   sawtooth of 440 Hz and amplitude 0.5: 880.0 Hz, peak 0.785
#   triangle of amplitude 1: at full scale for 36 % of the time
#   glide at 3100 Hz: 3150 Hz
#   glide at 3200 Hz: 3392 Hz
#   glide at 3400 Hz: 3675 Hz
#   glide at 3600 Hz: 3675 Hz
#   glide at 3700 Hz: 4009 Hz
#   glide at 3900 Hz: 4009 Hz
#
# Exits with 1 if tones behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tones==1.2.0 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import wave

import numpy as np
import tones
from tones.mixer import Mixer

RATE = 44_100


def sound(kind, amplitude, hertz, **settings):
    """A tone of two seconds that the library writes, from -1 to 1."""
    mixer = Mixer(RATE, amplitude)
    mixer.create_track(0, kind)
    mixer.add_tone(0, hertz, 2.0, attack=0.001, decay=0.001, **settings)
    mixer.write_wav("tone.wav")
    with wave.open("tone.wav") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_767


def pitch(samples):
    """The frequency of the strongest partial."""
    size = 1 << 19
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), size))
    return np.argmax(spectrum) * RATE / size


seen = {}
for name in ("sine", "square", "triangle", "sawtooth"):
    samples = sound(getattr(tones, f"{name.upper()}_WAVE"), 0.5, 440.0)
    seen[name] = pitch(samples), np.max(np.abs(samples))
    print(f"{name:8} of 440 Hz and amplitude 0.5: {seen[name][0]:.1f} Hz, peak {seen[name][1]:.3f}")
flat = np.mean(np.abs(sound(tones.TRIANGLE_WAVE, 1.0, 440.0)) > 0.9999)
print(f"triangle of amplitude 1: at full scale for {100 * flat:.0f} % of the time")
glide = sound(tones.SINE_WAVE, 0.5, 3000.0, endfrequency=4000.0)
steps = []
for hertz in (3100, 3200, 3400, 3600, 3700, 3900):
    middle = (hertz - 3000) * 2 * RATE // 1000
    steps.append(round(pitch(glide[middle - 1000 : middle + 1000])))
    print(f"glide at {hertz} Hz: {steps[-1]} Hz")
octave = abs(seen["sawtooth"][0] - 880.0) < 1.0 and abs(seen["sine"][0] - 440.0) < 1.0
loud = abs(seen["triangle"][1] - np.pi / 4) < 0.01 and flat > 0.3
sys.exit(not (octave and loud and len(set(steps)) == 4))
PYTHON
