#!/usr/bin/env bash
# MoSQITo's tone-to-noise ratio of a tone 40 dB above the noise is 41, 25 or 12 dB, by half a hertz.
#
# Library: mosqito 1.2.1 (PyPI), sound quality metrics.
# Guess: tnr_ecma_st gives the level of a tone above the noise in its critical band. A sine 40 dB
#   above the noise of its band has 40 dB, at 1000 Hz as at 1000.33 Hz. It is prominent.
# Behaviour: only a sine at the centre of a bin of the transform has its ratio. Elsewhere the ratio
#   stops at 25, 14 or 12 dB, however weak the noise is. The level of the tone is summed over the
#   lines within 10 dB of the highest one. What the Hann window puts into the lines beside them, up
#   to 6 %, is taken for noise. At low pitches a tone may also have 2 or 3 dB and not be prominent:
#   if a chance peak of the noise is the second candidate of the critical band, and is far enough
#   from the tone, then the tone's level is that of its highest line alone, and all other lines of
#   the tone are noise. The prominence ratio, pr_ecma_st, is 40 dB each time.
#
# Output seen (a sine in white noise, 1 s at 48 kHz, so lines at whole hertz; four noises each):
#   1000 Hz, 25 dB: 26, 24, 26, 25
#   1000.25 Hz, 25 dB: 22, 21, 22, 22
#   1000.33 Hz, 25 dB: 12, 12, 12, 12
#   1000.5 Hz, 25 dB: 14, 13, 14, 13
#   1000 Hz, 40 dB: 41, 39, 41, 40
#   1000.25 Hz, 40 dB: 25, 25, 25, 25
#   1000.33 Hz, 40 dB: 12, 12, 12, 12
#   1000.5 Hz, 40 dB: 14, 14, 14, 14
#   250 Hz, 25 dB: 3 (no), 25, 25, 25
#   250.25 Hz, 25 dB: 2 (no), 22, 22, 22
#   250.25 Hz, 40 dB: 2 (no), 25, 25, 25
#   prominence ratio of 40 dB: 41, 41, 41
#
# Exits with 1 if MoSQITo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mosqito==1.2.1 numpy==2.2.6 scipy==1.17.1 \
    matplotlib==3.10.8 pyuff==2.5.8
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from mosqito import pr_ecma_st, tnr_ecma_st

RATE, PASCAL = 48000, 2e-5
TIMES = np.arange(RATE) / RATE


def sound(pitch, ratio, seed):
    """A sine so many decibels above white noise of 45 dB in the critical band around it."""
    band = 25.0 + 75.0 * (1.0 + 1.4 * (pitch / 1000.0) ** 2) ** 0.69
    noise = np.random.default_rng(seed).standard_normal(RATE) * np.sqrt(RATE / 2.0 / band)
    sine = np.sqrt(2.0) * np.sin(2.0 * np.pi * pitch * TIMES)
    return PASCAL * (10 ** (45 / 20) * noise + 10 ** ((45 + ratio) / 20) * sine)


def measure(function, pitch, ratio, seed):
    """The ratio of the tone next to the pitch, and if it is prominent."""
    _, ratios, prominent, pitches = function(sound(pitch, ratio, seed), RATE, prominence=False)
    nearest = np.argmin(np.abs(np.asarray(pitches, dtype=float) - pitch))
    return float(np.ravel(ratios)[nearest]), bool(np.ravel(prominent)[nearest])


found = {}
for pitch, ratio in (
    (1000.0, 25), (1000.25, 25), (1000.33, 25), (1000.5, 25),
    (1000.0, 40), (1000.25, 40), (1000.33, 40), (1000.5, 40),
    (250.0, 25), (250.25, 25), (250.25, 40),
):  # fmt: skip
    found[pitch, ratio] = [measure(tnr_ecma_st, pitch, ratio, seed) for seed in range(4)]
    texts = [f"{value:.0f}" + " (no)" * (not yes) for value, yes in found[pitch, ratio]]
    print(f"{pitch:g} Hz, {ratio} dB: {', '.join(texts)}")
prominence = [measure(pr_ecma_st, pitch, 40, 0)[0] for pitch in (1000.0, 1000.33, 1000.5)]
print(f"prominence ratio of 40 dB: {', '.join(f'{value:.0f}' for value in prominence)}")
exact = all(38 < value < 43 for value, _ in found[1000.0, 40])
low = all(value < 15 for value, _ in found[1000.33, 40] + found[1000.5, 40])
lost = any(value < 4 and not yes for value, yes in found[250.25, 40])
sys.exit(not (exact and low and lost and min(prominence) > 38))
PYTHON
