#!/usr/bin/env bash
# Negative velocity tracking in Vital makes soft notes up to 12 dB louder, not hard ones softer.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: velocity_track 1 makes the amplitude follow the velocity (half the velocity, -6 dB), and
#   -1 mirrors this: the softest note is as loud as without tracking, the hardest one is silent.
# Behaviour: the amplitude is (1 - track + track * velocity) squared. Full tracking at half the
#   velocity gives -12 dB. With tracking -1 the hardest note is as loud as without tracking, and
#   softer ones are louder than the patch: 7 dB at half, 12 dB at the softest. So a negative
#   amount is no attenuation, and clips a patch that was set up at full level.
#
# Output seen (dB against no tracking, at velocity 1.0, 0.75, 0.5, 0.25, 0.01):
#   velocity_track 1: 0.0, -5.0, -12.0, -24.1, -80.0
#   velocity_track -1: 0.0, 3.9, 7.0, 9.7, 12.0
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

VELOCITIES = (1.0, 0.75, 0.5, 0.25, 0.01)


def level(track, velocity):
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    controls = synth.get_controls()
    controls["osc_1_random_phase"].set(0.0)
    controls["osc_1_level"].set(0.3)
    controls["velocity_track"].set(float(track))
    synth.render(60, velocity, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(60, velocity, 2.0, 1.0)[0, 22_050:]
    return 20.0 * np.log10(np.sqrt(np.mean(sound**2)))


right = True
for track in (1.0, -1.0):
    seen = np.array([level(track, v) - level(0.0, v) for v in VELOCITIES])
    print(f"velocity_track {track:.0f}: {', '.join(f'{d + 0.0:.1f}' for d in seen.round(1))}")
    expected = [40.0 * np.log10(1.0 - track + track * v) for v in VELOCITIES]
    right &= np.allclose(seen, expected, atol=0.3)
sys.exit(not right)
PYTHON
