#!/usr/bin/env bash
# acoustic-toolbox's band-stop of a third of an octave stops nothing: it is 0.2 dB down.
#
# Library: acoustic-toolbox 0.2.2 (PyPI), acoustics in Python, the successor of python-acoustics;
#   signal.bandstop and Signal.bandstop.
# Guess: a Butterworth band-stop is 3 dB down at its two cutoffs and has a deep notch between them.
#   A higher order stops more.
# Behaviour: bandstop adds a low-pass at the lower cutoff to a high-pass at the upper one, each of
#   half the order. In a narrow band both still let much through, and with the default order of 8
#   they add up. So the middle of 891 to 1122 Hz is 0.2 dB down, from 900 to 1100 Hz the band is
#   0.3 dB louder, and an octave is 13 dB down where scipy's filter of this order has a notch. Order
#   4 stops the narrow bands better than order 8.
#
# Output seen (gain at the middle and at the lower cutoff):
#   900 to 1100 Hz, order 8:   0.32 dB and   0.44 dB, scipy  -90.00 and -3.01 dB
#   900 to 1100 Hz, order 4: -14.96 dB and -12.73 dB, scipy  -90.00 and -3.01 dB
#   891 to 1122 Hz, order 8:  -0.23 dB and   0.01 dB, scipy  -90.00 and -3.01 dB
#   891 to 1122 Hz, order 4: -13.94 dB and -11.66 dB, scipy  -90.00 and -3.01 dB
#   707 to 1414 Hz, order 8: -13.43 dB and  -3.14 dB, scipy  -90.00 and -3.01 dB
#   707 to 1414 Hz, order 4:  -7.95 dB and  -4.89 dB, scipy  -90.00 and -3.01 dB
#   250 to 4000 Hz, order 8: -44.53 dB and  -3.01 dB, scipy  -90.00 and -3.01 dB
#   250 to 4000 Hz, order 4: -18.84 dB and  -3.01 dB, scipy  -90.00 and -3.01 dB
#
# Exits with 1 if acoustic-toolbox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet acoustic-toolbox==0.2.2 pyoctaveband==2.0.0 \
    pandas==3.1.1 matplotlib==3.11.2 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from acoustic_toolbox.signal import bandstop
from scipy.signal import butter, sosfilt

RATE = 48_000
impulse = np.zeros(RATE)  # one second, so that a bin is a hertz
impulse[0] = 1.0


def gain(response, hz):
    return max(-90.0, 20.0 * np.log10(abs(np.fft.rfft(response)[round(hz)]) + 1e-9))


middle = {}
for low, high in ((900, 1100), (891, 1122), (707, 1414), (250, 4000)):
    centre = np.sqrt(low * high)
    for order in (8, 4):
        heard = bandstop(impulse, low, high, RATE, order=order)
        right = sosfilt(
            butter(order // 2, [low, high], "bandstop", fs=RATE, output="sos"), impulse
        )
        middle[low, order] = gain(heard, centre)
        print(
            f"{low} to {high} Hz, order {order}: {gain(heard, centre):6.2f} dB and"
            f" {gain(heard, low):6.2f} dB, scipy {gain(right, centre):7.2f} and"
            f" {gain(right, low):5.2f} dB"
        )
nothing = abs(middle[891, 8]) < 0.5 and 0.1 < middle[900, 8] < 0.6
sys.exit(not (nothing and middle[891, 4] < -10.0 and -16.0 < middle[707, 8] < -11.0))
PYTHON
