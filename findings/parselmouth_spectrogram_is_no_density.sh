#!/usr/bin/env bash
# Parselmouth's spectrogram is 43 dB above its unit, Pa^2/Hz, and rises with the sampling rate.
#
# Library: praat-parselmouth 0.4.7 (PyPI), Praat in Python.
# Guess: the values of to_spectrogram are a power density in Pa^2/Hz, as Praat's manual says. Their
#   sum times the step is the power of a sine, white noise of power 0.01 has 0.01 over half the
#   sampling rate, and one sound has one spectrogram at any sampling rate.
# Behaviour: each value is half the sampling rate times the density, 43.4 dB too large at 44,100
#   Hz, and so is get_power_at. The power of a frame is divided by the energy of its window, but not
#   by half the sampling rate. So the same sine is 7.8 dB louder at 96 kHz than at 16 kHz, and a
#   threshold in dB or a model that is fitted at one rate is off at another. Noise has the value of
#   its whole power at any rate. The density of to_spectrum is right.
#
# Output seen (a sine of 1 kHz with a power of 0.125, and white noise with one of 0.01):
#   11025 Hz: sine 689 (+37.4 dB), by to_spectrum 0.125; noise 0.01 instead of 1.8e-06
#   16000 Hz: sine 1e+03 (+39.0 dB), by to_spectrum 0.125; noise 0.0098 instead of 1.3e-06
#   44100 Hz: sine 2.76e+03 (+43.4 dB), by to_spectrum 0.125; noise 0.0099 instead of 4.5e-07
#   96000 Hz: sine 6e+03 (+46.8 dB), by to_spectrum 0.125; noise 0.01 instead of 2.1e-07
#
# Exits with 1 if parselmouth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet praat-parselmouth==0.4.7 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from parselmouth import Sound

random = np.random.default_rng(0)
factors = []
for rate in (11_025, 16_000, 44_100, 96_000):
    time = np.arange(rate) / rate
    sine = Sound(0.5 * np.sin(2.0 * np.pi * 1_000 * time), rate)
    gram = sine.to_spectrogram()
    power = gram.values[:, gram.n_frames // 2].sum() * gram.dy
    whole = sine.to_spectrum().get_band_energy() / sine.duration
    noise = Sound(0.1 * random.standard_normal(rate), rate).to_spectrogram().values.mean()
    true = 0.01 / (rate / 2)
    factors.append([power / 0.125 / (rate / 2), noise / true / (rate / 2), whole / 0.125])
    print(
        f"{rate} Hz: sine {power:.3g} ({10.0 * np.log10(power / 0.125):+.1f} dB), by to_spectrum "
        f"{whole:.3f}; noise {noise:.2g} instead of {true:.2g}"
    )
sys.exit(not np.allclose(factors, 1.0, atol=0.05))
PYTHON
