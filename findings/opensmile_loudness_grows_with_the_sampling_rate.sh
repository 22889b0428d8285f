#!/usr/bin/env bash
# openSMILE hears a sound louder, and with other formants, when it has a higher sampling rate.
#
# Library: opensmile 2.6.0 (PyPI), features of voices and sounds; the feature set eGeMAPSv02.
# Guess: the features are in Hz and dB, and the extractor is told the sampling rate. So a sound with
#   nothing above 7 kHz has the same features at 16, 44.1 and 96 kHz.
# Behaviour: pitch and equivalent sound level are the same. The loudness goes from 1.8 to 5.2, as if
#   the sound were 14 dB louder, and the spectral flux is six times as large. They are made of FFT
#   magnitudes, which grow with the number of samples in a frame, and it is not divided out. The
#   first formant of the same saw is 855, 383 or 320 Hz, by rate. So a data set with two sampling
#   rates falls into two groups. Nothing is resampled unless one asks: Smile(..., resample=True,
#   sampling_rate=16000) gives the first row at every rate.
#
# Output seen (a saw at 110 Hz with harmonics up to 7 kHz):
#                pitch  level, dB   loudness       flux     F1, Hz
#   16000 Hz     24.02     -14.87       1.81       0.15        855
#   22050 Hz     24.03     -14.87       2.02       0.25        383
#   32000 Hz     24.02     -14.87       2.87       0.31        854
#   44100 Hz     24.02     -14.87       3.19       0.53        383
#   48000 Hz     24.01     -14.87       3.28       0.46        320
#   96000 Hz     24.01     -14.87       5.18       0.92        320
#
# Exits with 1 if openSMILE behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opensmile==2.6.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import opensmile

NAMES = {
    "pitch": "F0semitoneFrom27.5Hz_sma3nz_amean",
    "level, dB": "equivalentSoundLevel_dBp",
    "loudness": "loudness_sma3_amean",
    "flux": "spectralFlux_sma3_amean",
    "F1, Hz": "F1frequency_sma3nz_amean",
}
smile = opensmile.Smile(
    feature_set=opensmile.FeatureSet.eGeMAPSv02,
    feature_level=opensmile.FeatureLevel.Functionals,
)


def saw(rate):
    time = np.arange(3 * rate) / rate
    wave = sum(np.sin(2 * np.pi * 110 * k * time) / k for k in range(1, 64))
    return (0.2 * wave).astype(np.float32)


print(" " * 10 + "".join(f"{name:>11s}" for name in NAMES))
rows = []
for rate in (16_000, 22_050, 32_000, 44_100, 48_000, 96_000):
    row = smile.process_signal(saw(rate), rate).iloc[0]
    rows.append([float(row[name]) for name in NAMES.values()])
    *values, formant = rows[-1]
    print(f"{rate:5d} Hz  " + "".join(f"{value:11.2f}" for value in values) + f"{formant:11.0f}")
pitch, level, loudness, flux, formants = np.array(rows).T
same = np.ptp(pitch) < 0.05 and np.ptp(level) < 0.05
other = loudness[-1] / loudness[0] > 2.5 and flux[-1] / flux[0] > 5
sys.exit(not (same and other and formants[0] / formants[3] > 2))
PYTHON
