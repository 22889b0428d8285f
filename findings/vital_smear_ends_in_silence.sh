#!/usr/bin/env bash
# Vital's spectral morph Smear fades an oscillator out: at its full amount nothing is left.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: Smear spreads each harmonic over its neighbours. At full amount the spectrum is blurred
#   most, and the oscillator is about as loud as before.
# Behaviour: each harmonic is a mixture of itself and of the smeared harmonics below it, and the
#   smear begins with nothing. So the level falls: -10 dB at 0.8, -25 dB at 0.9 and -85 dB at 0.99
#   for a saw, and silence at 1. An envelope that opens Smear fully is a fade-out.
#
# Output seen (dB against no morph, for amounts 0, 0.5, 0.8, 0.9, 0.99, 1):
#   0.0, -3.4, -10.1, -25.1, -84.6, silent
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

AMOUNTS = (0.0, 0.5, 0.8, 0.9, 0.99, 1.0)


def level(morph, amount):
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
    patch["settings"]["osc_1_spectral_morph_type"] = float(morph)
    patch["settings"]["osc_1_spectral_morph_amount"] = amount
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    assert synth.load_json(json.dumps(patch))
    synth.render(45, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(45, 0.8, 2.0, 1.0)[0, 11_025:33_075].astype(float)
    return 10.0 * np.log10(np.mean(sound**2) + 1e-30)


assert vita.Synth().get_control_details("osc_1_spectral_morph_type").options[5] == "Smear"
plain = level(0, 0.5)
seen = np.array([level(5, amount) - plain for amount in AMOUNTS])
texts = ["silent" if db < -150.0 else f"{db + 0.0:.1f}" for db in seen.round(1)]
print(", ".join(texts))
right = abs(seen[0]) < 0.2 and seen[2] < -7.0 and seen[3] < -18.0 and seen[5] < -150.0
sys.exit(not right)
PYTHON
