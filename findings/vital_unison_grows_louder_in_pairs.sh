#!/usr/bin/env bash
# Unison voices of Vital that are not detuned are louder, in steps of two voices.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: an oscillator's level does not depend on its number of unison voices, since Vital scales
#   them to equal power; or, as equal voices add up, each voice makes it louder.
# Behaviour: with detune, the level is that of one voice within 0.1 dB. Without, with phases that are
#   not random and the default stereo spread, 3 voices are 3.0 dB louder than one, 5 are 4.8 dB and 7
#   are 6.0 dB. Each even number is as loud as the odd one before it: 2 voices are as loud as one.
#   Whoever fits unison and level at once meets steps in loudness where a voice is added.
#
# Output seen (dB against one voice, for 1 to 8 voices):
#   detune 0: 0.0, 0.0, 3.0, 3.0, 4.8, 4.8, 6.0, 6.0
#   detune 4: 0.0, 0.0, -0.1, -0.1, -0.1, 0.0, -0.1, 0.0
#
# Exits with 1 if vita behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vita==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import vita


def level(voices, detune):
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    controls = synth.get_controls()
    controls["osc_1_random_phase"].set(0.0)
    controls["osc_1_unison_voices"].set(float(voices))
    controls["osc_1_unison_detune"].set(float(detune))
    synth.render(60, 0.8, 0.02, 0.5)  # controls glide to their values
    return 20.0 * np.log10(np.sqrt(np.mean(synth.render(60, 0.8, 1.0, 1.0) ** 2)))


def steps(detune):
    levels = np.array([level(voices, detune) for voices in range(1, 9)])
    levels -= levels[0]
    print(f"detune {detune}: {', '.join(f'{round(value, 1) + 0.0:.1f}' for value in levels)}")
    return levels


equal, apart = steps(0), steps(4)
expected = np.repeat([0.0, 3.0, 4.77, 6.02], 2)
sys.exit(not (np.abs(equal - expected).max() < 0.1 and np.abs(apart).max() < 0.3))
PYTHON
