#!/usr/bin/env bash
# A wavetable within a Vital file is converted by its own version, whatever version the file has.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: synth_version says whether a file is old. The "version" within a wavetable is
#   information, as its author is; two tables that differ in it only are the same.
# Behaviour: a table marked older than 0.4.7 is loaded with full_normalize off, even though it
#   says true and the file is from 1.0.6. A wave with a peak of 0.1 is then 20 dB softer. Older
#   marks convert more. So tables that are compared, copied or written without this entry may
#   sound different.
#
# Output seen (level against a table of version 1.0.6):
#   table of version 0.4.6: -20.0 dB
#   table of version 0.4.7: 0.0 dB
#   table of version 0.9.0: 0.0 dB
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


def level(version):
    wave = 0.1 * np.sin(2 * np.pi * np.arange(2048) / 2048)
    data = base64.b64encode(wave.astype("<f4").tobytes()).decode()
    source = {"type": "Wave Source", "interpolation": 1, "interpolation_style": 1}
    source["keyframes"] = [{"position": 0, "wave_data": data}]
    table = {"name": "quiet", "author": "", "version": version, "full_normalize": True}
    table |= {"remove_all_dc": True, "groups": [{"components": [source]}]}
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    patch["settings"]["wavetables"][0] = table
    patch["settings"]["osc_1_random_phase"] = 0.0
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    assert synth.load_json(json.dumps(patch))
    synth.render(60, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(60, 0.8, 2.0, 1.0)[0, 11_025:33_075]
    return 20.0 * np.log10(np.std(sound))


latest = level("1.0.6")
seen = {version: round(level(version) - latest, 1) for version in ("0.4.6", "0.4.7", "0.9.0")}
for version, difference in seen.items():
    print(f"table of version {version}: {difference + 0.0:.1f} dB")
sys.exit(not np.allclose(list(seen.values()), [-20.0, 0.0, 0.0], atol=0.2))
PYTHON
