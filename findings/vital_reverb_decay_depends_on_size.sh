#!/usr/bin/env bash
# The decay time of Vital's reverb is true for one size only: a small room rings 2.3 times as long.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: reverb_decay_time, which reads "1.000000 secs" at 0, is the time in which the reverb
#   decays by 60 dB (RT60). reverb_size changes the spacing of echoes, and that time little.
# Behaviour: the same setting of 1 s decays by 60 dB in 2.3 s at size 0, 1.5 s at the default size
#   of 0.5 and 1.0 s at size 1. 2 s become 4.6, 2.5 and 2.2 s. So a smaller room rings longer, and
#   a measured RT60 cannot be entered as the decay time without dividing it by a factor of the
#   size. Both shelves are at 0 dB here, which damp the decay otherwise.
#
# Output seen (RT60 at size 0, 0.5, 1):
#   1.000000 secs: 2.3 s, 1.5 s, 1.0 s
#   2.000000 secs: 4.6 s, 2.5 s, 2.2 s
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

RATE = 44_100
SETTINGS = {
    "osc_1_random_phase": 0.0,
    "env_1_attack": 0.0,
    "env_1_release": 0.3,
    "reverb_on": 1.0,
    "reverb_dry_wet": 1.0,
    "reverb_chorus_amount": 0.0,
    "reverb_high_shelf_gain": 0.0,
    "reverb_low_shelf_gain": 0.0,
}


def rt60(raw, size):
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    controls = synth.get_controls()
    for name, value in {**SETTINGS, "reverb_decay_time": raw, "reverb_size": size}.items():
        controls[name].set(float(value))
    sound = synth.render(48, 0.8, 1.0, 6.0)
    # What is left after each moment (Schroeder), and its slope between -5 and -35 dB.
    left = np.cumsum((sound[:, int(1.2 * RATE) :].astype(float) ** 2).sum(0)[::-1])[::-1]
    decibels = 10.0 * np.log10(left / left[0] + 1e-12)
    first, last = np.argmax(decibels < -5.0), np.argmax(decibels < -35.0)
    return 2.0 * (last - first) / RATE, synth.get_control_text("reverb_decay_time")


right = True
for raw in (0.0, 1.0):
    times = [rt60(raw, size) for size in (0.0, 0.5, 1.0)]
    print(f"{times[0][1]}: {', '.join(f'{seconds:.1f} s' for seconds, _ in times)}")
    factors = [seconds / 2.0**raw for seconds, _ in times]
    right &= factors[0] > 1.9 and 1.1 < factors[1] < 1.7 and factors[2] < 1.2
sys.exit(not right)
PYTHON
