#!/usr/bin/env bash
# audio-dspy draws the curve of an equalizer as the mean of its filters, not as their product.
#
# Library: audio-dspy 0.0.4 (PyPI), audio signal processing; EQ.plot_eq_curve.
# Guess: it "plots the magnitude response of the EQ", the filters one after another: their decibels
#   add up. That is what process_block does to a sound.
# Behaviour: it adds the gains of the filters up, and divides them by the number of filters. So a
#   bell of +12 dB at 1 kHz among three others that do nothing there is drawn as +4.8 dB, two bells
#   of +12 dB at the same place as +12 dB, and a low cut that is 48 dB down as 8.5 dB down, if there
#   is a bell elsewhere. Anyone who sets an equalizer by this curve hears another one.
#
# Output seen:
#   one bell of +12 dB at 1000 Hz: drawn +12.0 dB, played +12.0 dB
#   among three elsewhere at 1000 Hz: drawn +4.8 dB, played +12.0 dB
#   two bells of +12 dB at 1000 Hz: drawn +12.0 dB, played +24.0 dB
#   +12 and -12 dB at 1000 Hz: drawn +6.5 dB, played +0.0 dB
#   two low cuts and a bell elsewhere at 50 Hz: drawn -8.5 dB, played -48.2 dB
#
# Exits with 1 if audio-dspy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audio-dspy==0.0.4 matplotlib==3.10.8 numpy==2.2.6 \
    scipy==1.17.1
MPLBACKEND=Agg "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import audio_dspy
import matplotlib.pyplot as plt
import numpy as np

RATE = 48_000


def drawn(eq, hertz):
    """What the curve shows at this frequency."""
    plt.figure()
    eq.plot_eq_curve(worN=np.array([20.0, hertz]))
    return float(plt.gca().lines[0].get_ydata()[1])


def played(eq, hertz):
    """What the equalizer does to a sine of it."""
    eq.reset()
    sine = np.sin(2.0 * np.pi * hertz * np.arange(RATE) / RATE)
    return float(20.0 * np.log10(np.std(eq.process_block(sine)[RATE // 2 :]) / np.std(sine)))


def check(name, hertz, *bells, cut=0):
    """An equalizer of bells (Hz, dB) of Q 2 and low cuts at 200 Hz."""
    eq = audio_dspy.EQ(RATE)
    for centre, decibels in bells:
        eq.add_bell(centre, 2.0, 10.0 ** (decibels / 20.0))
    for _ in range(cut):
        eq.add_HPF(200.0, 0.7071)
    both = drawn(eq, hertz), played(eq, hertz)
    print("{} at {} Hz: drawn {:+.1f} dB, played {:+.1f} dB".format(name, hertz, *both))
    return both


rows = [
    check("one bell of +12 dB", 1000, (1000, 12)),
    check("among three elsewhere", 1000, (1000, 12), (50, 3), (100, 3), (15_000, 3)),
    check("two bells of +12 dB", 1000, (1000, 12), (1000, 12)),
    check("+12 and -12 dB", 1000, (1000, 12), (1000, -12)),
    check("two low cuts and a bell elsewhere", 50, (5000, 6), cut=2),
]
shown, heard = np.array(rows).T
wrong = np.all(abs(shown - heard)[1:] > 3.0)
sys.exit(not (abs(shown[0] - heard[0]) < 0.1 and wrong and abs(heard[2] - 24.0) < 0.1))
PYTHON
