#!/usr/bin/env bash
# A modulation that is disconnected in vita leaves its amount to the next one.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: disconnect_modulation() frees a slot as a click in Vital does: the next modulation that is
#   connected begins with amount 0 and without options.
# Behaviour: the slot's amount and power stay. connect_modulation() takes the first free slot, so the
#   next modulation, of whatever source and destination, is at once as strong as the former one was.
#   clear_modulations() keeps them too. Set all controls of a slot after connecting.
#
# Output seen:
#   a new modulation: amount 0.00, power 0.0
#   after disconnecting another in its slot: amount 0.70, power 3.0
#   after clear_modulations(): amount 0.70, power 3.0
#   difference of the first sound to the second: 12.0 dB
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


def engine():
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    synth.get_controls()["osc_1_random_phase"].set(0.0)
    return synth


def slot(synth):
    controls = synth.get_controls()
    return [round(controls[f"modulation_1_{part}"].value(), 2) for part in ("amount", "power")]


def connect(synth):
    synth.connect_modulation("env_2", "osc_1_level")
    return slot(synth)


def used(synth):
    synth.connect_modulation("lfo_1", "osc_1_pan")
    for part, value in (("amount", 0.7), ("power", 3.0)):
        synth.get_controls()[f"modulation_1_{part}"].set(value)


def level(synth):
    return 20.0 * np.log10(np.sqrt(np.mean(synth.render(60, 0.8, 1.0, 1.0) ** 2)))


fresh = engine()
expected = connect(fresh)
disconnected = engine()
used(disconnected)
disconnected.disconnect_modulation("lfo_1", "osc_1_pan")
kept = connect(disconnected)
cleared = engine()
used(cleared)
cleared.clear_modulations()
kept_too = connect(cleared)
text = "amount {:.2f}, power {:.1f}"
print("a new modulation:", text.format(*expected))
print("after disconnecting another in its slot:", text.format(*kept))
print("after clear_modulations():", text.format(*kept_too))
difference = abs(level(fresh) - level(disconnected))
print(f"difference of the first sound to the second: {difference:.1f} dB")
sys.exit(not (expected == [0, 0] and kept == kept_too == [0.7, 3.0] and difference > 1.0))
PYTHON
