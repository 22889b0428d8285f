#!/usr/bin/env bash
# Vital's distortion Sync is neutral at amount 0.5; at 0 a saw is 24 dB softer.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: at amount 0 the wave runs as fast as the note, so that Sync changes nothing. More of it
#   speeds the wave up within each cycle, as with oscillators that are hard-synced.
# Behaviour: the wave runs at 16^(2 amount - 1) times the note's frequency. At 0.5 this is 1, and
#   Sync is neutral. Below 0.5 only a part of the wave is played in each cycle, a sixteenth at 0:
#   this is a small saw again, 12 dB softer at 0.25 and 24 dB softer at 0. So amount 0 is not
#   "off", and an envelope from 0 upwards is first of all a fade-in.
#
# Output seen (level in dB against no distortion, for amounts 0, 0.25, 0.5, 0.75, 1):
#   -24.1, -12.0, 0.0, 0.0, -0.2
#
# Exits with 1 if vita behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vita==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import json
import sys

import numpy as np
import vita

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)


def level(kind, amount):
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    phase = 2 * np.pi * np.arange(2048) / 2048
    saw = sum(0.5 * np.sin(h * phase) / h for h in range(1, 1000))
    data = base64.b64encode(saw.astype("<f4").tobytes()).decode()
    table = patch["settings"]["wavetables"][0]
    source = {"type": "Wave Source", "interpolation": 0, "interpolation_style": 1}
    source["keyframes"] = [{"position": 0, "wave_data": data}]
    table["groups"] = [{"components": [source]}]
    patch["settings"]["osc_1_random_phase"] = 0.0
    patch["settings"]["osc_1_distortion_type"] = float(kind)
    patch["settings"]["osc_1_distortion_amount"] = amount
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    assert synth.load_json(json.dumps(patch))
    synth.render(45, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(45, 0.8, 2.0, 1.0)[0, 11_025:33_075].astype(float)
    return 20.0 * np.log10(np.std(sound))


assert vita.Synth().get_control_details("osc_1_distortion_type").options[1] == "Sync"
plain = level(0, 0.5)
seen = np.array([level(1, amount) - plain for amount in AMOUNTS])
print(", ".join(f"{db + 0.0:.1f}" for db in seen.round(1)))
sys.exit(not np.allclose(seen, [-24.1, -12.0, 0.0, 0.0, 0.0], atol=0.7))
PYTHON
