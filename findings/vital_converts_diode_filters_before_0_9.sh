#!/usr/bin/env bash
# A Vital file marked older than 0.9.0 loses blend and style of its diode filters when it is loaded.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: the format is settled when the file has all of today's controls. The same settings marked
#   0.8.9 and 1.0.6 play the same; what conversion there is touches controls that were renamed.
# Behaviour: below 0.9.0, a filter of model 4 (diode) is set to blend 0 and style 0, whatever the
#   file says, and modulations of its blend get amount 0. Other models keep both. So whoever reads
#   such a file as plain JSON, or writes an old version into a new file, has another sound than
#   Vital.
#
# Output seen (blend and style after loading):
#   digital: 0.8.9 (1.5, 1.0), 0.9.0 (1.5, 1.0), 1.0.6 (1.5, 1.0); sounds differ by 0% (RMS)
#   diode: 0.8.9 (0.0, 0.0), 0.9.0 (1.5, 1.0), 1.0.6 (1.5, 1.0); sounds differ by 175% (RMS)
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


def load(version, model):
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = version
    settings = {"filter_1_on": 1.0, "filter_1_model": float(model), "filter_1_cutoff": 90.0}
    settings |= {"filter_1_blend": 1.5, "filter_1_style": 1.0, "osc_1_random_phase": 0.0}
    patch["settings"].update(settings)
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    assert synth.load_json(json.dumps(patch))
    controls = synth.get_controls()
    kept = (controls["filter_1_blend"].value(), controls["filter_1_style"].value())
    return kept, synth.render(45, 0.8, 1.0, 1.0).astype(float)


right = True
for model, name in ((3, "digital"), (4, "diode")):
    old, old_sound = load("0.8.9", model)
    new, new_sound = load("0.9.0", model)
    latest, latest_sound = load("1.0.6", model)
    change = np.sqrt(np.mean((old_sound - latest_sound) ** 2) / np.mean(latest_sound**2))
    print(f"{name}: 0.8.9 {old}, 0.9.0 {new}, 1.0.6 {latest}; sounds differ by {change:.0%} (RMS)")
    right &= new == latest == (1.5, 1.0)
    right &= (old == (0.0, 0.0) and change > 0.2) if name == "diode" else (old == new)
sys.exit(not right)
PYTHON
