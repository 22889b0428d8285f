#!/usr/bin/env bash
# audio-dspy's NLMS learns slower the softer a sound is, and blows up if it is loud.
#
# Library: audio-dspy 0.0.4 (PyPI), audio signal processing; adaptive filters.
# Guess: the normalized LMS filter divides its step by the power of its input. So it learns equally
#   fast at each level, which is what it is for, and is stable for learning rates up to 2.
# Behaviour: it divides by the square root of the power, so the step grows with the level. At 0.01
#   (-40 dB) it is as slow as with a hundredth of the learning rate, and after 1,000 samples the
#   echo is 5 dB down instead of more than 100. At a level of 10, and so with 16-bit samples as
#   they are (up to 32,767), the error grows without bound, with the default rate of 0.1.
#
# Output seen (error from sample 1,000 to 2,000, in dB to the echo; in brackets the error of a step
# that is divided by the power):
#   level 3.0: -312.8 dB (-146.4 dB)
#   level 1.0: -313.4 dB (-146.4 dB)
#   level 0.1: -40.8 dB (-146.4 dB)
#   level 0.01: -4.7 dB (-146.4 dB)
#   level 0.001: -0.5 dB (-146.4 dB)
#   level 10: +1665.6 dB
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

sound = np.random.default_rng(0).standard_normal(2_000)
ECHO = np.array([0.1, -0.2, 0.5, 0.3, 0.0, 0.0, 1.0])
echo = np.convolve(sound, ECHO)[: len(sound)]


def normalized(sound, echo, rate=0.1, length=7):
    """The error of the textbook's NLMS."""
    weights, window, errors = np.zeros(length), np.zeros(length), []
    for sample, wanted in zip(sound, echo):
        window = np.append(window[1:], sample)
        errors.append(wanted - weights @ window)
        weights = weights + rate * errors[-1] * window / (window @ window)
    return np.array(errors)


def decibels(error, scale):
    return 20.0 * np.log10(np.std(error[1_000:]) / np.std(scale * echo[1_000:]))


rows = []
for scale in (3.0, 1.0, 0.1, 0.01, 0.001):
    _, error, _ = audio_dspy.NLMS(scale * sound, scale * echo)
    rows.append([decibels(error, scale), decibels(normalized(scale * sound, scale * echo), scale)])
    print("level {}: {:+.1f} dB ({:+.1f} dB)".format(scale, *rows[-1]))
_, error, _ = audio_dspy.NLMS(10.0 * sound, 10.0 * echo)
loud = decibels(error, 10.0)
print(f"level 10: {loud:+.1f} dB")
got, textbook = np.array(rows).T
steady = np.ptp(textbook) < 1.0 and textbook.max() < -100.0
sys.exit(not (steady and got[3] > -10.0 and got[4] > -2.0 and loud > 100.0))
PYTHON
