#!/usr/bin/env bash
# gammatone's fft_gtgram makes noise up to 12 dB too loud in the treble, and sines too soft.
#
# Library: gammatone 1.0.3 (PyPI), gammatone filters after Slaney and Ellis. Seen on 2026-11-30.
# Guess: fft_gtgram is "an approximation of full filtering using an ERB gammatone filterbank (as per
#   gtgram)", says its docstring. So both have the same levels, up to a constant perhaps: white
#   noise rises with the bandwidth of the filters.
# Behaviour: the levels differ by up to 12 dB in each direction, and not by a constant.
#   fft_gtgram adds the magnitudes of the bins, where gtgram takes the root of the mean power. So
#   the wider a filter is, the more it overstates noise against tones. Against gtgram
#   white noise is 5 dB too soft at 50 Hz and 12 dB too loud at 17 kHz, and a sine at the centre of
#   a filter is 9 to 3 dB too soft. Features of one do not fit a model that learned those of the
#   other, and noisy treble stands out.
#
# Output seen (windows of 25 ms, 32 channels from 50 Hz, 44.1 kHz; level in dB, fft against gtgram):
#      50 Hz: white noise -28.8, fft -33.7, so -4.9 dB; sine -3.0, fft -12.1, so -9.1 dB
#     405 Hz: white noise -25.0, fft -26.5, so -1.5 dB; sine -3.0, fft  -8.1, so -5.1 dB
#    1945 Hz: white noise -19.7, fft -16.2, so  3.5 dB; sine -3.0, fft  -6.0, so -3.0 dB
#    7223 Hz: white noise -14.3, fft  -5.5, so  8.9 dB; sine -3.0, fft  -5.7, so -2.7 dB
#   16714 Hz: white noise -10.8, fft   1.7, so 12.4 dB; sine -3.0, fft  -5.7, so -2.7 dB
#
# Exits with 1 if gammatone behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps gammatone==1.0.3 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from gammatone.fftweight import fft_gtgram
from gammatone.filters import centre_freqs
from gammatone.gtgram import gtgram

RATE, CHANNELS, LOWEST = 44_100, 32, 50
SETTINGS = (RATE, 0.025, 0.01, CHANNELS, LOWEST)
centres = centre_freqs(RATE, CHANNELS, LOWEST)[::-1]
noise = np.random.default_rng(0).standard_normal(10 * RATE)
time = np.arange(3 * RATE) / RATE


def level(rows, channel):
    return 10 * np.log10(np.mean(rows[channel, 20:-20] ** 2))


full, fast = gtgram(noise, *SETTINGS), fft_gtgram(noise, *SETTINGS)
seen = []
for channel in (0, 6, 15, 24, 30):
    sine = np.sin(2 * np.pi * centres[channel] * time)
    n = level(full, channel), level(fast, channel)
    s = level(gtgram(sine, *SETTINGS), channel), level(fft_gtgram(sine, *SETTINGS), channel)
    seen.append((n[1] - n[0], s[1] - s[0]))
    print(f"{centres[channel]:5.0f} Hz: white noise {n[0]:.1f}, fft {n[1]:5.1f}, so "
          f"{n[1] - n[0]:4.1f} dB; sine {s[0]:.1f}, fft {s[1]:5.1f}, so {s[1] - s[0]:.1f} dB")
expected = [(-4.9, -9.1), (-1.5, -5.1), (3.5, -3.0), (8.9, -2.7), (12.4, -2.7)]
sys.exit(not np.allclose(seen, expected, atol=0.3))
PYTHON
