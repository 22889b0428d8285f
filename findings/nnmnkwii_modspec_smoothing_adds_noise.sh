#!/usr/bin/env bash
# nnmnkwii's modspec_smoothing puts noise into a small trajectory, where it should smooth it.
#
# Library: nnmnkwii 0.1.3 (PyPI), speech synthesis; modulation spectra of parameter trajectories.
# Guess: as documented, it smooths a trajectory "by removing high frequency bands". So a trajectory
#   without any keeps its shape, noise gets less, and half the input gives half the output.
# Behaviour: by default, with log_domain=True, it sets the logarithm of the power above the cutoff
#   to 0, which makes the power 1. So each bin above the cutoff gets the amplitude 1 of an
#   unnormalized DFT, with the phase that was there, whatever the scale of the parameter is. A slow
#   vibrato comes back with an error of 3 % at amplitude 1, of 32 % at 0.1 and of 320 % at 0.01.
#   White noise of 0.01 has 13 dB more above the cutoff than before. Higher cepstral coefficients
#   are that small. log_domain=False removes the bands.
#
# Output seen (200 frames per second, a sine of 3 Hz and noise; cutoff 50 Hz;
#   plain: with log_domain=False):
#   amplitude 10: error of the sine 0.2 %, plain 0.2 %; noise above 50 Hz -47 dB, plain -82 dB
#   amplitude 1: error of the sine 3.1 %, plain 0.2 %; noise above 50 Hz -27 dB, plain -82 dB
#   amplitude 0.1: error of the sine 31.9 %, plain 0.2 %; noise above 50 Hz -7 dB, plain -82 dB
#   amplitude 0.01: error of the sine 320.3 %, plain 0.2 %; noise above 50 Hz +13 dB, plain -82 dB
#
# Exits with 1 if nnmnkwii behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nnmnkwii==0.1.3 pysptk==1.0.1 scikit-learn==1.9.1 \
    numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from nnmnkwii.preprocessing import modspec_smoothing

RATE, CUTOFF = 200, 50  # frames per second, Hz
time = np.arange(2 * RATE) / RATE
slow = np.sin(2.0 * np.pi * 3.0 * time)[:, None]
noise = np.random.default_rng(0).standard_normal((2 * RATE, 1))


def smooth(track, log):
    return modspec_smoothing(track, modfs=RATE, cutoff=CUTOFF, log_domain=log)


def error(scale, log):
    """The error of a slow sine in percent of its level."""
    return 100.0 * np.std(smooth(scale * slow, log) - scale * slow) / np.std(scale * slow)


def change(scale, log):
    """How many decibels there are more above the cutoff, away from its edge."""
    window = np.hanning(2 * RATE)[:, None]
    tracks = smooth(scale * noise, log), scale * noise
    parts = [np.fft.rfft(window * track, axis=0)[2 * CUTOFF + 5 :] for track in tracks]
    after, before = (np.linalg.norm(part) for part in parts)
    return 20.0 * np.log10(after / before)


rows = []
for scale in (10, 1, 0.1, 0.01):
    rows.append([measure(scale, log) for measure in (error, change) for log in (True, False)])
    print(
        "amplitude {}: error of the sine {:.1f} %, plain {:.1f} %; "
        "noise above 50 Hz {:+.0f} dB, plain {:+.0f} dB".format(scale, *rows[-1])
    )
wrong, right, more, less = np.array(rows).T
sys.exit(not (right.max() < 1.0 and less.max() < -40.0 and wrong[-1] > 100.0 and more[-1] > 6.0))
PYTHON
