#!/usr/bin/env bash
# The DX7's pitch envelope does not reach four octaves up, and its steps are not equal.
#
# Library: dexed-py 0.3.0 (PyPI), the engine of Dexed, which has the hardware's table.
# Guess: levels 0 and 99 are four octaves down and up, as the manual says; so a step is 4800 / 50 =
#   96 cents, or the scale is symmetric around 50 in another way.
# Behaviour: steps are 37.5 cents over most of the scale and 450 cents at both ends. Level 0 is 4800
#   cents down, and 99 is 4762.5 up, since there are 50 levels below the middle and 49 above. A
#   semitone cannot be set: levels 52 and 53 are 75 and 112.5 cents. A fit that treats the level as
#   linear is 1460 cents off at level 75.
#
# Output seen (level: cents):
#   0: -4800.2, 1: -4350.0, 25: -937.5, 49: -37.5, 51: 37.5, 75: 937.5, 98: 4312.5, 99: 4762.5
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

EXPECTED = {0: -4800, 1: -4350, 25: -937.5, 49: -37.5, 51: 37.5, 75: 937.5, 98: 4312.5, 99: 4762.5}


def frequency(level):
    patch = Patch()
    for i in range(1, 6):
        patch.op[i].output_level = 0
    patch.pitch_envelope.rates, patch.pitch_envelope.levels = [99] * 4, [level] * 4
    synth = DexedSynth(sample_rate=44100)
    synth.load_patch(patch)
    sound = synth.render(midi_note=60, velocity=100, note_duration=2.0, render_duration=2.0)
    sound = sound[22050:] * np.hanning(len(sound) - 22050)
    spectrum = np.log(np.abs(np.fft.rfft(sound, 1 << 20)))
    k = int(spectrum.argmax())
    before, at, after = spectrum[k - 1 : k + 2]
    return (k + 0.5 * (before - after) / (before - 2 * at + after)) * 44100 / (1 << 20)


seen = {level: 1200 * np.log2(frequency(level) / frequency(50)) for level in EXPECTED}
print(", ".join(f"{level}: {round(cents, 1) + 0.0:.1f}" for level, cents in seen.items()))
sys.exit(any(abs(seen[level] - cents) > 1 for level, cents in EXPECTED.items()))
PYTHON
