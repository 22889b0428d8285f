#!/usr/bin/env bash
# slab's equally masking noise is pink: one ERB at 50 Hz has 7 dB more power than one at 3.5 kHz.
#
# Library: slab 1.8.2 (PyPI), seen 2026-12-01; Sound.equally_masking_noise.
# Guess: "an equally-masking noise (ERB noise)" has the same power in each equivalent rectangular
#   bandwidth, as the introduction of slab's documentation says. By Glasberg and Moore that is
#   24.7 (4.37 f + 1) with f in kHz. So the density times the ERB is the same at all frequencies.
# Behaviour: the source weights with 24.7 * 4.37 * f, without the 1. So the density falls by 3 dB
#   per octave down to the lowest frequency: it is pink noise. One ERB at 150 Hz, which is inside
#   the default band of 125 Hz to 4 kHz, gets 3.7 dB more power than one at 3.5 kHz. With a low
#   cutoff of 20 Hz, one ERB at 50 Hz gets 7.3 dB more.
#
# Output seen (noise of 60 s at 16 kHz, low cutoff 20 Hz; power in one ERB, relative to 3.5 kHz):
#     50 Hz: in one ERB  7.3 dB, in one third of an octave -0.2 dB
#    150 Hz: in one ERB  3.7 dB, in one third of an octave  0.0 dB
#    250 Hz: in one ERB  2.7 dB, in one third of an octave  0.1 dB
#    500 Hz: in one ERB  1.4 dB, in one third of an octave -0.0 dB
#   1000 Hz: in one ERB  0.7 dB, in one third of an octave -0.0 dB
#   2000 Hz: in one ERB  0.2 dB, in one third of an octave  0.0 dB
#   3500 Hz: in one ERB  0.0 dB, in one third of an octave  0.0 dB
#   the 1 left out, by closed form: 7.2 3.7 2.5 1.4 0.6 0.2 0.0 dB
#
# Exits with 1 if slab behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2
"$folder/venv/bin/pip" install --quiet --no-deps slab==1.8.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from slab import Sound

RATE, SECONDS = 16000, 60


def erb(hertz):
    """The equivalent rectangular bandwidth of Glasberg and Moore (1990) in hertz."""
    return 24.7 * (4.37 * hertz / 1000.0 + 1.0)


np.random.seed(0)
noise = Sound.equally_masking_noise(float(SECONDS), low_cutoff=20, samplerate=RATE).data[:, 0]
power = np.abs(np.fft.rfft(noise)) ** 2


def level(hertz, width):
    """The power of the noise in a band of this width in dB."""
    edges = np.round((hertz + np.array([-0.5, 0.5]) * width) * SECONDS).astype(int)
    return 10.0 * np.log10(power[edges[0] : edges[1]].sum())


frequencies = np.array([50, 150, 250, 500, 1000, 2000, 3500])
seen = np.array([level(f, erb(f)) for f in frequencies]) - level(3500, erb(3500))
third = np.array([level(f, 0.23 * f) for f in frequencies]) - level(3500, 0.23 * 3500)
for f, e, t in zip(frequencies, seen, third, strict=True):
    print(f"{f:4} Hz: in one ERB {e:4.1f} dB, in one third of an octave {t:4.1f} dB")
one = 10.0 * np.log10((1.0 + 1000.0 / (4.37 * frequencies)) / (1.0 + 1.0 / (4.37 * 3.5)))
print("the 1 left out, by closed form: " + " ".join(f"{v:.1f}" for v in one) + " dB")
sys.exit(not (np.allclose(seen, one, atol=0.6) and np.allclose(third, 0.0, atol=0.6)))
PYTHON
