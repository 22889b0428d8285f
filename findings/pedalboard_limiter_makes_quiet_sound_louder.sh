#!/usr/bin/env bash
# Pedalboard's Limiter makes quiet sound louder, and lets sound above its threshold through.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects of JUCE for Python.
# Guess: a limiter with a threshold of -10 dB leaves a sine of -30 dB as it is, and brings a sine of
#   0 dB down to -10 dB. With a threshold of 0 dB, nothing below full scale changes.
# Behaviour: quiet sound is raised by the threshold and 3.75 dB more: with -10 dB, a sine of -30 dB
#   comes out at -16.25 dB. A sine of -6 dB, above the threshold, comes out at 0 dB: the ceiling is
#   full scale, whatever the threshold. With 0 dB, a sine of -30 dB is raised to -26.25 dB and one
#   of 0 dB is lowered to -3.55 dB. (JUCE's Limiter is two compressors and a make-up gain of 7.5 dB
#   / 2 minus the threshold, then clipping.) Levels before and after it cannot be compared.
#
# Output seen (peaks in dB of full scale, by threshold, for sines of -60, -30, -15, -6 and 0 dB):
#   threshold -20: -36.3, -6.3, 0.0, 0.0, 0.0
#   threshold -10: -46.3, -16.3, -1.3, 0.0, 0.0
#   threshold   0: -56.3, -26.3, -11.3, -5.0, -3.5
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
from pedalboard import Limiter

RATE = 44_100
LEVELS = (-60, -30, -15, -6, 0)


def peaks(threshold):
    seen = []
    for level in LEVELS:
        phase = 2.0 * np.pi * 440.0 * np.arange(2 * RATE) / RATE
        sine = (10.0 ** (level / 20.0) * np.sin(phase)).astype(np.float32)
        limited = Limiter(threshold_db=threshold, release_ms=100.0)(sine, RATE)
        seen.append(20.0 * np.log10(np.abs(limited[RATE:]).max()))
    print(f"threshold {threshold:3d}: {', '.join(f'{value + 0.0:.1f}' for value in seen)}")
    return np.array(seen)


lowest, middle, highest = (peaks(threshold) for threshold in (-20, -10, 0))
raised = np.array([lowest[0], middle[0], highest[0]]) + 60.0
through = np.array([lowest[3], middle[3]])
sys.exit(not (np.allclose(raised, [23.75, 13.75, 3.75], atol=0.1)
              and np.allclose(through, 0.0, atol=0.1) and highest[4] < -3.0))
PYTHON
