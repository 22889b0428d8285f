#!/usr/bin/env bash
# A DX7 operator with velocity sensitivity is louder at velocity 127 than its output level says.
#
# Library: dexed-py 0.3.0 (PyPI), the engine of Dexed.
# Guess: a key struck hardest plays the output level of the panel, and a softer key plays less.
# Behaviour: sensitivity turns around a velocity of about 100. At sensitivity 7 velocity 127 adds
#   5.3 dB, also to an output level of 99, which nothing else can exceed, and velocity 1 takes 72 dB
#   away. A voice that is normalised, or fitted, at velocity 100 clips when it is played hard, and its
#   modulators go past the index that level 99 allows without velocity.
#
# Output seen (dB against an operator without sensitivity, output level 99):
#   sensitivity 0: 0.0 at velocity 1, 0.0 at 64, 0.0 at 100, 0.0 at 127
#   sensitivity 4: -44.8 at velocity 1, -6.0 at 64, 0.4 at 100, 3.0 at 127
#   sensitivity 7: -72.2 at velocity 1, -10.5 at 64, 0.4 at 100, 5.3 at 127
#
# Exits with 1 if dexed-py behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dexed-py==0.3.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from dexed import DexedSynth, Patch

VELOCITIES = (1, 64, 100, 127)


def level(sensitivity, velocity):
    patch = Patch()
    for i in range(1, 6):
        patch.op[i].output_level = 0
    patch.op[0].velocity_sensitivity = sensitivity
    synth = DexedSynth(sample_rate=44100)
    synth.load_patch(patch)
    sound = synth.render(midi_note=60, velocity=velocity, note_duration=1.0, render_duration=1.0)
    return 20.0 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


seen = {}
for sensitivity in (0, 4, 7):
    levels = [level(sensitivity, v) - level(0, 100) for v in VELOCITIES]
    seen[sensitivity] = [round(each, 1) + 0.0 for each in levels]
    first, *rest = (f"{db} at {v}" for db, v in zip(seen[sensitivity], VELOCITIES))
    print(f"sensitivity {sensitivity}: {first.replace('at', 'at velocity')}, {', '.join(rest)}")
sys.exit(not (seen[7][3] > 5 and 2.5 < seen[4][3] < 3.5 and seen[7][0] < -60 and not any(seen[0])))
PYTHON
