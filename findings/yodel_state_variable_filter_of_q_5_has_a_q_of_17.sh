#!/usr/bin/env bash
# yodel's state variable filter resonates far above its Q: a Q of 5 at 1 kHz is one of 17.
#
# Library: yodel 0.3.0 (PyPI), seen 2026-12-01; filter.StateVariable.
# Guess: Chamberlin's filter, with "resonance or Q-factor": the low-pass at its cutoff has the gain
#   Q. The docstring says that it becomes unstable "around one sixth of the sample-rate", which is
#   7.35 kHz here.
# Behaviour: Chamberlin's filter uses the new low-pass for the high-pass; the source uses the old
#   one. So the resonance is near 1 / (1 / Q - 2 sin(pi cutoff / rate)): at 1 kHz and a Q of 5, it
#   is 11 dB too loud. From the cutoff at which this is infinite, the filter oscillates by itself
#   and gets louder and louder: from 1406 Hz at a Q of 5, and from 702 Hz at a Q of 10. Filters of
#   Q 5 at 1.5 kHz and of Q 10 at 750 Hz grow, where Chamberlin's decay.
#
# Output seen (44.1 kHz; -300 dB stands for silence):
#    100 Hz, Q  5: yodel  14.6 dB (a Q of  5.4, formula  5.4), Chamberlin 14.0 dB, Q 14.0 dB
#    500 Hz, Q  5: yodel  17.8 dB (a Q of  7.8, formula  7.8), Chamberlin 14.0 dB, Q 14.0 dB
#   1000 Hz, Q  5: yodel  24.8 dB (a Q of 17.3, formula 17.3), Chamberlin 14.0 dB, Q 14.0 dB
#   the formula is infinite at 1406 Hz (Q 5) and 702 Hz (Q 10)
#   1500 Hz, Q  5: level after 0.16 s, to the start: yodel +89 dB, Chamberlin -300 dB
#    750 Hz, Q 10: level after 0.16 s, to the start: yodel +23 dB, Chamberlin -300 dB
#
# Exits with 1 if yodel behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet yodel==0.3.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from yodel.filter import StateVariable

RATE, SIZE = 44100, 8192


def yodel(cutoff, q):
    """The impulse response of yodel's low-pass."""
    filter = StateVariable()
    filter.set(RATE, cutoff, q)
    return np.array([filter.process_sample(x)[2] for x in [1.0] + [0.0] * (SIZE - 1)])


def chamberlin(cutoff, q):
    f, low, band, out = 2.0 * np.sin(np.pi * cutoff / RATE), 0.0, 0.0, []
    for x in [1.0] + [0.0] * (SIZE - 1):
        low += f * band
        band += f * (x - low - band / q)
        out.append(low)
    return np.array(out)


def gain(response, cutoff):
    turn = np.exp(-2j * np.pi * cutoff / RATE * np.arange(SIZE))
    return 20.0 * np.log10(abs(np.dot(response, turn)))


right = True
for cutoff, off in ((100, 0.6), (500, 3.8), (1000, 10.8)):
    seen, other = gain(yodel(cutoff, 5.0), cutoff), gain(chamberlin(cutoff, 5.0), cutoff)
    heard, formula = 10.0 ** (seen / 20.0), 1.0 / (1.0 / 5.0 - 2.0 * np.sin(np.pi * cutoff / RATE))
    print(
        f"{cutoff:4} Hz, Q  5: yodel {seen:5.1f} dB (a Q of {heard:4.1f}, formula {formula:4.1f}), "
        f"Chamberlin {other:4.1f} dB, Q {20.0 * np.log10(5.0):4.1f} dB"
    )
    right = right and abs(heard / formula - 1.0) < 0.01
    right = right and abs(other - 20.0 * np.log10(5.0)) < 0.2 and abs(seen - other - off) < 0.1
limits = [RATE / np.pi * np.arcsin(0.5 / q) for q in (5.0, 10.0)]
print("the formula is infinite at {:.0f} Hz (Q 5) and {:.0f} Hz (Q 10)".format(*limits))
for cutoff, q in ((1500, 5.0), (750, 10.0)):
    ends = []
    for response in (yodel(cutoff, q), chamberlin(cutoff, q)):
        peaks = np.abs(response[:1000]).max(), np.abs(response[-1000:]).max()
        ends.append(20.0 * np.log10(peaks[1] / peaks[0] + 1e-15))
    print(
        f"{cutoff:4} Hz, Q {q:2.0f}: level after 0.16 s, to the start: yodel {ends[0]:+.0f} dB, "
        f"Chamberlin {ends[1]:+.0f} dB"
    )
    right = right and ends[0] > 20.0 and ends[1] < -60.0
sys.exit(not right)
PYTHON
