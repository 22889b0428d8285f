#!/usr/bin/env bash
# Pedalboard's Reverb makes the dry sound 6 dB louder at dry_level 1: no change is dry_level 0.5.
#
# Library: pedalboard 0.9.26 (PyPI), Spotify's audio effects for Python.
# Guess: dry_level and wet_level are gains in 0..1, so Reverb(dry_level=1, wet_level=0) changes
#   nothing, and dry_level=1 keeps the direct sound as it is while reverb is added.
# Behaviour: JUCE's reverb, which it is, multiplies dry_level by 2. So the direct sound is 6 dB
#   louder at 1, and passes full scale if its peak was above half. The default of 0.4 is a gain of
#   0.8. The documentation says nothing of it. An engineer who takes the settings from another
#   reverb has 6 dB more direct sound against the tail. The mix of Delay and Chorus has no factor.
#
# Output seen:
#   Reverb(dry_level=1.0, wet_level=0.0)       6.0 dB
#   Reverb(dry_level=0.5, wet_level=0.0)       0.0 dB
#   Reverb(wet_level=0.0), dry_level is 0.4   -1.9 dB
#   Delay(mix=0.0)                             0.0 dB
#   Chorus(mix=0.0)                            0.0 dB
#   Gain(0.0)                                  0.0 dB
#
# Exits with 1 if Pedalboard behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from pedalboard import Chorus, Delay, Gain, Reverb

RATE = 44_100
sine = (0.25 * np.sin(2 * np.pi * 440.0 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def gain(name, effect):
    """The gain in dB after the first second, when levels have settled."""
    heard = effect(sine, RATE)[RATE:]
    found = 20.0 * np.log10(np.std(heard) / np.std(sine[RATE:]))
    print(f"{name:40s} {round(float(found), 1) + 0.0:5.1f} dB")
    return found


full = gain("Reverb(dry_level=1.0, wet_level=0.0)", Reverb(dry_level=1.0, wet_level=0.0))
half = gain("Reverb(dry_level=0.5, wet_level=0.0)", Reverb(dry_level=0.5, wet_level=0.0))
default = gain("Reverb(wet_level=0.0), dry_level is 0.4", Reverb(wet_level=0.0))
others = [
    gain("Delay(mix=0.0)", Delay(mix=0.0)),
    gain("Chorus(mix=0.0)", Chorus(mix=0.0)),
    gain("Gain(0.0)", Gain(0.0)),
]
doubled = abs(full - 6.02) < 0.1 and abs(half) < 0.1 and abs(default + 1.94) < 0.1
sys.exit(not (doubled and np.abs(others).max() < 0.1))
PYTHON
