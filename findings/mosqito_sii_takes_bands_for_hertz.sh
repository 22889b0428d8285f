#!/usr/bin/env bash
# MoSQITo finds no word intelligible in noise as loud as the speech, where the index is one half.
#
# Library: mosqito 1.2.1 (PyPI), sound quality metrics.
# Guess: sii_ansi gives the Speech Intelligibility Index of ANSI S3.5 for a noise in pascals. Each
#   band is audible by (speech - noise + 15) / 30, so noise with the spectrum of the speech gives
#   0.5 at the speech's level, and nearly 1 at 15 dB below it. Only masking takes a little away.
# Behaviour: the index is 0.00 in noise of the speech's level, 0.03 to 0.12 at 15 dB below it, and
#   0.41 to 0.61 at 30 dB below it. The speech is in levels per hertz, as in the standard, but the
#   noise is in levels of whole bands, which are 19 to 38 dB higher. A line takes off the bandwidth,
#   but only for methods named "critical_bands" and "equal_critical_bands". The function allows
#   "critical" and "equally_critical" only. For octaves and their thirds there is no such line.
#   sii_ansi_freq gives the right index if the noise is given per hertz at the bands' centres.
#
# Output seen (normal speech; noise of its spectrum in pascals, and the same per hertz):
#   critical, speech of 62 dB, noise of 62 dB: 0.00, per hertz 0.50
#   critical, speech of 62 dB, noise of 47 dB: 0.12, per hertz 1.00
#   critical, speech of 62 dB, noise of 32 dB: 0.61, per hertz 1.00
#   equally_critical, speech of 62 dB, noise of 62 dB: 0.00, per hertz 0.50
#   equally_critical, speech of 62 dB, noise of 47 dB: 0.12, per hertz 1.00
#   equally_critical, speech of 62 dB, noise of 32 dB: 0.61, per hertz 1.00
#   third_octave, speech of 62 dB, noise of 63 dB: 0.00, per hertz 0.47
#   third_octave, speech of 62 dB, noise of 48 dB: 0.08, per hertz 0.97
#   third_octave, speech of 62 dB, noise of 33 dB: 0.55, per hertz 1.00
#   octave, speech of 62 dB, noise of 62 dB: 0.00, per hertz 0.50
#   octave, speech of 62 dB, noise of 47 dB: 0.03, per hertz 0.99
#   octave, speech of 62 dB, noise of 32 dB: 0.41, per hertz 0.99
#
# Exits with 1 if MoSQITo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mosqito==1.2.1 numpy==2.2.6 scipy==1.17.1 \
    matplotlib==3.10.8 pyuff==2.5.8
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import sys

import numpy as np
from mosqito import sii_ansi, sii_ansi_freq
from mosqito.sq_metrics.speech_intelligibility.sii_ansi import _band_procedure_data as bands
from mosqito.sq_metrics.speech_intelligibility.sii_ansi import _speech_data as speech

RATE, SECONDS, PASCAL = 48000, 4, 2e-5
METHODS = {
    "critical": "critical",
    "equally_critical": "equal_critical",
    "third_octave": "third_octave",
    "octave": "octave",
}


def noise(centres, levels):
    """Noise in pascals of these levels per hertz at the bands' centres, up to 12 kHz."""
    white = np.random.default_rng(0).standard_normal(RATE * SECONDS) * np.sqrt(RATE / 2.0)
    spectrum, frequencies = np.fft.rfft(white), np.fft.rfftfreq(RATE * SECONDS, 1 / RATE)
    octaves = np.log2(np.maximum(frequencies, 1.0))
    gain = PASCAL * 10 ** (np.interp(octaves, np.log2(centres), levels) / 20.0)
    gain[(frequencies < centres[0] / 2.0) | (frequencies > 12000)] = 0.0
    return np.fft.irfft(spectrum * gain)


found = {}
for method, name in METHODS.items():
    levels, overall = getattr(speech, f"_get_{name}_band_speech_data")("normal")
    centres = getattr(bands, f"_get_{name}_band_data")()[0]
    for below in (0, 15, 30):
        sound = noise(centres, levels - below)
        with contextlib.redirect_stdout(io.StringIO()):
            index = float(sii_ansi(sound, RATE, method, "normal")[0])
        per_hertz = float(sii_ansi_freq(levels - below, centres, method, "normal")[0])
        found[method, below] = index, per_hertz
        level = 20.0 * np.log10(np.std(sound) / PASCAL)
        print(f"{method}, speech of {overall:.0f} dB, noise of {level:.0f} dB: {index:.2f}", end="")
        print(f", per hertz {per_hertz:.2f}")
low = all(found[method, 0][0] < 0.01 and found[method, 15][0] < 0.2 for method in METHODS)
right = all(found[method, 0][1] > 0.4 and found[method, 30][1] > 0.9 for method in METHODS)
sys.exit(not (low and right))
PYTHON
