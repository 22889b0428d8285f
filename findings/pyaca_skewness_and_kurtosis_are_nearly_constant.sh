#!/usr/bin/env bash
# pyACA's spectral skewness and kurtosis are divided by the number of bins: nearly 0 and -3.
#
# Library: pyACA 0.3.1 (PyPI), the Python code of a textbook on audio content analysis.
# Guess: the skewness of a spectrum is its third moment about the centroid over the cube of its
#   spread, and the kurtosis its fourth over the fourth power, less 3. So a flat spectrum has 0 and
#   -1.2, no spectrum has a kurtosis below -2, and neither depends on the block length.
# Behaviour: both are divided by the number of bins once more, although the sum of the magnitudes
#   has normalised them. So the skewness of brown noise is 0.0008 instead of 1.69, and the kurtosis
#   of each sound is -3.00, which no distribution has. What is left depends on the block length: it
#   is four times as large at a quarter of it. A feature set that is not scaled learns nothing from
#   the two, and values of other libraries cannot be compared with them.
#
# Output seen (block length, skewness and kurtosis as they are, and by their definition):
#   white noise, 1024: skewness -0.0000, defined -0.00; kurtosis -2.9965, defined -1.19
#   white noise, 4096: skewness 0.0000, defined 0.00; kurtosis -2.9991, defined -1.20
#   brown noise, 1024: skewness 0.0033, defined 1.69; kurtosis -2.9905, defined 1.86
#   brown noise, 4096: skewness 0.0008, defined 1.69; kurtosis -2.9976, defined 1.82
#   a saw of 220 Hz, 1024: skewness 0.0031, defined 1.57; kurtosis -2.9912, defined 1.51
#   a saw of 220 Hz, 4096: skewness 0.0008, defined 1.57; kurtosis -2.9978, defined 1.52
#
# Exits with 1 if pyACA behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyACA==0.3.1 numpy==2.2.6 scipy==1.17.1 matplotlib==3.11.2
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pyACA
from scipy.signal import lfilter

RATE = 44_100
time = np.arange(RATE) / RATE
noise = np.random.default_rng(0).standard_normal(RATE)
numbers = np.arange(1, int(RATE / 2 / 220) + 1)
sounds = {
    "white noise": 0.1 * noise,
    "brown noise": lfilter([0.01], [1.0, -0.99], noise),
    "a saw of 220 Hz": (np.sin(2.0 * np.pi * 220 * np.outer(time, numbers)) / numbers).sum(1),
}


def defined(spectra, order):
    """The mean standardised moment of some spectra about their centroids."""
    bins = np.arange(len(spectra))[:, None]
    shares = spectra / spectra.sum(0)
    away = bins - (bins * shares).sum(0)
    spread = np.sqrt((away**2 * shares).sum(0))
    return ((away / spread) ** order * shares).sum(0).mean()


right, small = [], []
for name, sound in sounds.items():
    for length in (1_024, 4_096):
        settings = {"iBlockLength": length, "iHopLength": length // 2}
        skew, kurtosis = (
            pyACA.computeFeature(f"Spectral{each}", sound, RATE, **settings)[0].mean()
            for each in ("Skewness", "Kurtosis")
        )
        spectra = pyACA.computeSpectrogram(sound, RATE, None, length, length // 2)[0]
        true = defined(spectra, 3), defined(spectra, 4) - 3.0
        bins = length // 2 + 1
        print(
            f"{name}, {length}: skewness {skew:.4f}, defined {true[0]:.2f}; "
            f"kurtosis {kurtosis:.4f}, defined {true[1]:.2f}"
        )
        right += [abs(skew * bins - true[0]) < 0.05, abs((kurtosis + 3) * bins - 3 - true[1]) < 0.1]
        small += [abs(skew) < 0.1, kurtosis < -2.8]
sys.exit(not (all(right) and all(small)))
PYTHON
