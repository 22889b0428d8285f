#!/usr/bin/env bash
# spafe's spectral centroid is an octave too high, and falls again for still brighter sounds.
#
# Library: spafe 0.3.3 (PyPI), features of sound in Python.
# Guess: the spectral_centroid that extract_feats gives is the mean frequency of the spectrum: 1 kHz
#   for a sine of 1 kHz. It describes the whole sound. spectral_rolloff is one frequency.
# Behaviour: a sine of 1 kHz has its centroid at 2 kHz, and one of 7 kHz at 2 kHz as well. The
#   spectrum is of positive frequencies only (rfft), but its bins get the frequencies of a two-sided
#   one (fftfreq) without their signs. They rise to half of the rate in the first half of the bins,
#   and fall to 0 in the second. So a brighter sound may have a lower centroid. Only the first nfft
#   samples are read, 512 by default: of a sound of a second, 32 ms at 16 kHz. The rest does not
#   count. spectral_rolloff is an array of 257 complex numbers, the spectrum times the rate.
#
# Output seen (sampling rate 16 kHz):
#   sine of 500 Hz: centroid 996 Hz
#   sine of 1000 Hz: centroid 1992 Hz
#   sine of 2000 Hz: centroid 3984 Hz
#   sine of 3500 Hz: centroid 6973 Hz
#   sine of 5000 Hz: centroid 6039 Hz
#   sine of 6000 Hz: centroid 4047 Hz
#   sine of 7000 Hz: centroid 2054 Hz
#   sine of 7500 Hz: centroid 1058 Hz
#   1 kHz for 32 ms, then silence: 1992 Hz; then 3.5 kHz: 1992 Hz
#   rolloff: an array of 257, complex128
#
# Exits with 1 if spafe behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet spafe==0.3.3 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from spafe.features.spfeats import extract_feats

RATE = 16_000
TIME = np.arange(RATE) / RATE


def sine(frequency):
    return np.sin(2.0 * np.pi * frequency * TIME + 0.1)


found = {}
for frequency in (500, 1000, 2000, 3500, 5000, 6000, 7000, 7500):
    found[frequency] = extract_feats(sine(frequency), RATE)["spectral_centroid"]
    print(f"sine of {frequency} Hz: centroid {found[frequency]:.0f} Hz")
fading = np.where(TIME < 0.032, sine(1000), 0.0)
changing = np.where(TIME < 0.032, sine(1000), sine(3500))
short = [extract_feats(sound, RATE)["spectral_centroid"] for sound in (fading, changing)]
print(f"1 kHz for 32 ms, then silence: {short[0]:.0f} Hz; then 3.5 kHz: {short[1]:.0f} Hz")
rolloff = extract_feats(sine(1000), RATE)["spectral_rolloff"]
print(f"rolloff: an array of {rolloff.size}, {rolloff.dtype}")
octave = all(abs(found[f] - 2 * f) < 60 for f in (500, 1000, 2000, 3500))
falls = all(abs(found[f] - (RATE - 2 * f)) < 60 for f in (5000, 6000, 7000, 7500))
same = np.ptp([found[1000], *short]) < 1.0
sys.exit(not (octave and falls and same and rolloff.size == 257))
PYTHON
