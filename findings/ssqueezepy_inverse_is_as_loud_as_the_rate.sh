#!/usr/bin/env bash
# ssqueezepy's issq_stft returns a sound 44,100 times as loud if ssq_stft was told its rate.
#
# Library: ssqueezepy 0.6.6 (PyPI), synchrosqueezed wavelet and Fourier transforms.
# Guess: issq_stft inverts ssq_stft, and fs only sets the frequencies in hertz, as in ssq_cwt and
#   issq_cwt, which return a sound at its level for each fs.
# Behaviour: the transform grows with fs. ssq_stft multiplies it by the distance of its frequencies
#   in hertz, which is 1 / n_fft only at a rate of 1. issq_stft has no argument for the rate: it
#   sums the rows and multiplies by 2 over the middle of the window. So a sound of 44.1 kHz comes
#   back 44,100 times, or 93 dB, too loud. It is right only without fs, where all frequencies are in
#   cycles per sample. The same holds if t gives the times. The magnitudes of the same samples under
#   two rates differ by the ratio of the rates as well.
#
# Output seen (level of a sine of amplitude 1 after the inverse):
#   1 Hz: issq_stft 1, with t 1, issq_cwt 1.000; peak of ssq_stft 0.5
#   1000 Hz: issq_stft 1000, with t 1000, issq_cwt 1.000; peak of ssq_stft 500.0
#   22050 Hz: issq_stft 22050, with t 22050, issq_cwt 1.000; peak of ssq_stft 11025.0
#   44100 Hz: issq_stft 44100, with t 44100, issq_cwt 1.000; peak of ssq_stft 22050.0
#
# Exits with 1 if ssqueezepy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ssqueezepy==0.6.6 numba==0.68.1 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from ssqueezepy import issq_cwt, issq_stft, ssq_cwt, ssq_stft

ok = True
for rate in (1, 1_000, 22_050, 44_100):
    sine = np.cos(2.0 * np.pi * 0.05 * np.arange(4096))  # a twentieth of each rate
    fourier = ssq_stft(sine, fs=rate)[0]
    wavelet = ssq_cwt(sine, fs=rate)[0]
    times = ssq_stft(sine, t=np.arange(4096) / rate)[0]
    peak = np.abs(fourier).max()
    copies = issq_stft(fourier), issq_stft(times), issq_cwt(wavelet)
    levels = [np.sqrt(2.0) * np.std(copy[1024:3072]) for copy in copies]
    print(
        f"{rate} Hz: issq_stft {levels[0]:.0f}, with t {levels[1]:.0f}, "
        f"issq_cwt {levels[2]:.3f}; peak of ssq_stft {peak:.1f}"
    )
    ok = ok and np.allclose(levels, [rate, rate, 1.0], rtol=0.01)
sys.exit(not ok)
PYTHON
