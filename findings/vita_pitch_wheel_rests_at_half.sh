#!/usr/bin/env bash
# A Vital patch's pitch wheel bends nothing in vita, and as a modulation source it stays at half.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: the control pitch_wheel (-1 to 1) bends the note by pitch_bend_range, as mod_wheel moves
#   what it modulates. A modulation by pitch_wheel does nothing while the wheel rests at 0.
# Behaviour: whatever pitch_wheel says, in the patch or live, the note stays. The modulation
#   source gives 0.5 at every position. So a patch in which the wheel modulates something is moved
#   by half of the amount in each render, and no control takes this away. mod_wheel works.
#
# Output seen (semitones from the note; the modulations have an amount of 12 semitones):
#   pitch_wheel at -1, 0, 1: [0.0, 0.0, 0.0]
#   with pitch_wheel as source: [6.0, 6.0, 6.0]
#   mod_wheel at 0, 1 as source: [0.0, 12.0]
#
# Exits with 1 if vita behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vita==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

import numpy as np
import vita

RATE = 44_100


def semitones(settings, source=""):
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    destination = "osc_1_transpose" if source else ""
    patch["settings"]["modulations"][0] = {"source": source, "destination": destination}
    patch["settings"].update({"osc_1_random_phase": 0.0, "modulation_1_amount": 12.0 / 96.0})
    patch["settings"].update(settings)
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    assert synth.load_json(json.dumps(patch))
    for name, value in settings.items():
        synth.get_controls()[name].set(value)
    synth.render(69, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(69, 0.8, 2.0, 1.5)[0, RATE // 4 : RATE // 4 + RATE]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(RATE), 16 * RATE))
    return round(float(12.0 * np.log2(spectrum.argmax() / 16.0 / 440.0)), 1) + 0.0


wheel = [{"pitch_wheel": place, "pitch_bend_range": 12.0} for place in (-1.0, 0.0, 1.0)]
bends = [semitones(settings) for settings in wheel]
moved = [semitones(settings, "pitch_wheel") for settings in wheel]
mod = [semitones({"mod_wheel": place}, "mod_wheel") for place in (0.0, 1.0)]
print(f"pitch_wheel at -1, 0, 1: {bends}")
print(f"with pitch_wheel as source: {moved}")
print(f"mod_wheel at 0, 1 as source: {mod}")
sys.exit(not (bends == [0.0] * 3 and moved == [6.0] * 3 and mod == [0.0, 12.0]))
PYTHON
