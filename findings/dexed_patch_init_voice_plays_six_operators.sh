#!/usr/bin/env bash
# A new patch of dexed-py is named INIT VOICE, but plays six operators instead of one.
#
# Library: dexed-py 0.3.0 (PyPI), the engine of Dexed.
# Guess: Patch() is the voice that a DX7 has after "voice init", since it bears its name: algorithm
#   1 with operator 1 alone at level 99, which is a sine.
# Behaviour: all six operators have level 99, each modulates the next, and the sound is a bright
#   clangour: its centre of gravity lies at 16 times its pitch. Preset() is the same. Whoever sets
#   one operator of a new patch, as the README does, hears that operator and five more. Set the
#   output levels of all others to 0 first.
#
# Output seen:
#   Patch().name: 'INIT VOICE', output levels [99, 99, 99, 99, 99, 99]
#   centre of gravity at note 60 (262 Hz): 4307 Hz
#   with operators 2 to 6 at level 0: 262 Hz
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


def centre(patch):
    """Return the mean frequency, weighted by power."""
    synth = DexedSynth(sample_rate=44100)
    synth.load_patch(patch)
    sound = synth.render(midi_note=60, velocity=100, note_duration=1.0, render_duration=1.0)
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    return float((power * np.fft.rfftfreq(len(sound), 1 / 44100)).sum() / power.sum())


patch = Patch()
levels = [patch.op[i].output_level for i in range(6)]
new = centre(patch)
print(f"Patch().name: {patch.name!r}, output levels {levels}")
print(f"centre of gravity at note 60 (262 Hz): {new:.0f} Hz")
for i in range(1, 6):
    patch.op[i].output_level = 0
one = centre(patch)
print(f"with operators 2 to 6 at level 0: {one:.0f} Hz")
sys.exit(not (levels == [99] * 6 and new > 1000 and abs(one - 262) < 5))
PYTHON
