#!/usr/bin/env bash
# STRAUSS' tremolo rests for half of each period, and only halves the volume at an amount of 1.
#
# Library: strauss 1.0.3 (PyPI), sonification of data. Seen on 2026-12-01: volume_lfo of the
#   Synthesizer with the default wave, a sine.
# Guess: the volume follows the sine all the time. The presets name 0 to 1 as the range of the
#   amount. So at 1 the volume goes down to silence and back once per period.
# Behaviour: the source multiplies by 1 - lfo / 2 and clips the result to at most 1. The lower half
#   of the sine is thus lost: the volume stays at 1 for half of each period. The other half is a dip
#   down to 0.5 at an amount of 1, and down to 0.75 at the default amount of 0.5. The source of the
#   Sampler and the Spectralizer has the same line.
#
# Output seen (volume every eighth of a period, from its start on; 4 Hz):
#   amount 0.5: 1.00 0.82 0.75 0.82 1.00 1.00 1.00 1.00
#   amount 1.0: 1.00 0.65 0.50 0.65 1.00 1.00 1.00 1.00
#   full tremolo, (1 - sine) / 2: 0.50 0.15 0.00 0.15 0.50 0.85 1.00 0.85
#
# Exits with 1 if STRAUSS behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2 \
    pychord==1.4.1 sf2utils==1.0.0 PyYAML==6.0.3 wavio==0.0.9 pandas==3.1.1 tqdm==4.70.1 \
    ffmpeg-python==0.2.0 ipython==9.18.1 sounddevice==0.5.6
"$folder/venv/bin/pip" install --quiet --no-deps strauss==1.0.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from strauss.generator import Synthesizer

RATE, PERIOD = 48_000, 12_000
synthesizer = Synthesizer()
one = {"form": "sine", "level": 1.0, "detune": 0.0, "phase": 0}
synthesizer.modify_preset({"oscillators": {"osc1": one}, "note_length": 2.0})


def play():
    return synthesizer.play({"note": 440.0, "volume": 1.0}).values


dry = play()
found = []
for amount in (0.5, 1.0):
    lfo = {"use": True, "amount": amount, "freq": 4, "phase": 0, "wave": "sine"}
    synthesizer.modify_preset({"volume_lfo": lfo}, clear_oscs=False)
    wet = play()
    volumes = []
    for eighth in range(8):
        at = slice(RATE + eighth * PERIOD // 8 - 30, RATE + eighth * PERIOD // 8 + 30)
        volumes.append(wet[at] @ dry[at] / (dry[at] @ dry[at]))
    print(f"amount {amount:.1f}: " + " ".join(f"{volume:.2f}" for volume in volumes))
    found.append(volumes)
full = (1.0 - np.sin(2.0 * np.pi * np.arange(8) / 8)) / 2.0
print("full tremolo, (1 - sine) / 2: " + " ".join(f"{volume:.2f}" for volume in full))
expected = [[1, 0.82, 0.75, 0.82, 1, 1, 1, 1], [1, 0.65, 0.5, 0.65, 1, 1, 1, 1]]
sys.exit(not np.allclose(found, expected, atol=0.01))
PYTHON
