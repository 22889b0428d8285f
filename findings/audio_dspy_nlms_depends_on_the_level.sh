#!/usr/bin/env bash
# audio-dspy's NLMS learns slower the softer a sound is, and blows up if it is loud.
#
# Library: audio-dspy 0.0.4 (PyPI), audio signal processing; adaptive filters.
# Guess: the normalized LMS filter divides its step by the power of its input. So it learns equally
#   fast at each level, which is what it is for, and is stable for learning rates up to 2.
# Behaviour: it divides by the square root of the power, so the step grows with the level. At 0.01
#   (-40 dB) it is as slow as with a hundredth of the learning rate, and after 1,000 samples the
#   echo is 5 dB down instead of more than 100. The filter is stable only while the rate times the
#   level (RMS) times the root of the number of taps is below about 2. With the default 7 taps and
#   rate of 0.1 the limit is a level of 7.6, far below 16-bit samples as they are (up to 32,767).
#   With 512 taps it is 0.9: at a level of 1 the error grows without bound.
#
# Output seen (error of the last 1,000 of 2,000 samples of noise, in dB to the echo; in brackets the
# error of a step that is divided by the power):
#   level 3.0: -312.8 dB (-146.4 dB)
#   level 1.0: -313.4 dB (-146.4 dB)
#   level 0.1: -40.8 dB (-146.4 dB)
#   level 0.01: -4.7 dB (-146.4 dB)
#   level 0.001: -0.5 dB (-146.4 dB)
#   512 taps, level 1, 10,000 samples: +37.5 dB (-18.8 dB)
#
# Exits with 1 if audio-dspy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audio-dspy==0.0.4 matplotlib==3.10.8 numpy==2.2.6 \
    scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import audio_dspy
import numpy as np

ECHO = np.array([0.1, -0.2, 0.5, 0.3, 0.0, 0.0, 1.0])
long = np.random.default_rng(0).standard_normal(10_000)
late = np.convolve(long, ECHO)[: len(long)]
sound, echo = long[:2_000], late[:2_000]


def normalized(sound, echo, rate=0.1, length=7):
    """The error of the textbook's NLMS."""
    weights, window, errors = np.zeros(length), np.zeros(length), []
    for sample, wanted in zip(sound, echo):
        window = np.append(window[1:], sample)
        errors.append(wanted - weights @ window)
        weights = weights + rate * errors[-1] * window / (window @ window)
    return np.array(errors)


def decibels(error, echo):
    """The error of the last 1,000 samples."""
    return 20.0 * np.log10(np.std(error[-1_000:]) / np.std(echo[-1_000:]))


rows = []
for scale in (3.0, 1.0, 0.1, 0.01, 0.001):
    pair = scale * sound, scale * echo
    errors = audio_dspy.NLMS(*pair)[1], normalized(*pair)
    rows.append([decibels(error, pair[1]) for error in errors])
    print("level {}: {:+.1f} dB ({:+.1f} dB)".format(scale, *rows[-1]))
errors = audio_dspy.NLMS(long, late, L=512)[1], normalized(long, late, length=512)
grown, stable = (decibels(error, late) for error in errors)
print(f"512 taps, level 1, 10,000 samples: {grown:+.1f} dB ({stable:+.1f} dB)")
got, textbook = np.array(rows).T
steady = np.ptp(textbook) < 1.0 and textbook.max() < -100.0 and stable < -10.0
sys.exit(not (steady and got[3] > -10.0 and got[4] > -2.0 and grown > 10.0))
PYTHON
