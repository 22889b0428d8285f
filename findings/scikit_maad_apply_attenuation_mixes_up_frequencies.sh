#!/usr/bin/env bash
# scikit-maad's apply_attenuation treats a tone as two others: 1 kHz is 6 dB too soft, 15 kHz 15 dB
# too loud.
#
# Library: scikit-maad 1.5.2 (PyPI), seen 2026-12-01; spl.apply_attenuation.
# Guess: it applies "the geometric, atmospheric and habitat attenuation contributions" to a sound.
#   So a tone is attenuated by what attenuation_dB of the same library says for its frequency.
# Behaviour: the source numbers the bins of the full transform from 0 to half the sampling rate,
#   where the upper half of the bins has the negative frequencies. So half of the amplitude of a
#   tone of f is attenuated as a tone of f / 2, and the other half as one of (rate - f) / 2: for
#   1 kHz at 44.1 kHz, as 500 Hz and as 21.55 kHz. From 1 m to 101 m, the second half of 1 kHz is
#   lost, so the tone is 6 dB too soft. Tones of 10 and 15 kHz are 4 and 15 dB too loud.
#
# Output seen (1 m to 101 m at 20 degrees Celsius and 60 % humidity, without habitat):
#    1000 Hz: apply_attenuation 46.4 dB, attenuation_dB 40.6 dB; mean of 500 and 21550 Hz 46.4 dB
#    5000 Hz: apply_attenuation 47.3 dB, attenuation_dB 43.9 dB; mean of 2500 and 19550 Hz 47.3 dB
#   10000 Hz: apply_attenuation 49.7 dB, attenuation_dB 53.6 dB; mean of 5000 and 17050 Hz 49.7 dB
#   15000 Hz: apply_attenuation 53.1 dB, attenuation_dB 68.4 dB; mean of 7500 and 14550 Hz 53.1 dB
#
# Exits with 1 if scikit-maad behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/pip" install --quiet --no-deps scikit-maad==1.5.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from maad.spl import apply_attenuation, attenuation_dB

RATE = 44100


def right(hertz):
    return float(np.ravel(attenuation_dB(hertz, 101, 1, a0=0.0)[0])[0])


off, same = [], []
for hertz in (1000, 5000, 10000, 15000):
    tone = np.sin(2.0 * np.pi * hertz * np.arange(RATE) / RATE)
    far = apply_attenuation(tone, RATE, r=101, r0=1, a0=0.0)
    seen = -20.0 * np.log10(np.std(far) / np.std(tone))
    halves = [10.0 ** (-right(f) / 20.0) for f in (hertz / 2, (RATE - hertz) / 2)]
    mean = -20.0 * np.log10(np.mean(halves))
    off.append(seen - right(hertz))
    same.append(seen - mean)
    print(
        f"{hertz:5} Hz: apply_attenuation {seen:.1f} dB, attenuation_dB {right(hertz):.1f} dB; "
        f"mean of {hertz / 2:.0f} and {(RATE - hertz) / 2:.0f} Hz {mean:.1f} dB"
    )
known = np.allclose(same, 0.0, atol=0.05)
sys.exit(not (known and np.allclose(off, [5.8, 3.4, -3.9, -15.4], atol=0.1)))
PYTHON
