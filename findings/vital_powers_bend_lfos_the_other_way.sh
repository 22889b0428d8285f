#!/usr/bin/env bash
# A positive power makes a modulation or attack start fast in Vital, but an LFO's line slowly.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: the powers of Vital's curves have one sense: a line that rises from 0 to 1 with power 5
#   bulges the same way as LFO, as modulation with this power, and as attack of an envelope.
# Behaviour: halfway, a modulation of power 5 and an attack of power 5 are at 0.924. A rising line
#   of an LFO with power 5 is at 0.076. So a curve that is copied from an envelope or a modulation
#   into an LFO needs the opposite sign.
#
# Output seen (value halfway along a line from 0 to 1):
#   power 5: modulation 0.92, attack 0.92, LFO 0.08
#   power -5: modulation 0.08, attack 0.08, LFO 0.92
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


def halfway(source, settings, power):
    """Let a source that takes one second from 0 to 1 move the pitch; read it after 0.5 s."""
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    line = {"name": "rise", "num_points": 2, "points": [0.0, 1.0, 1.0, 0.0], "smooth": False}
    patch["settings"]["lfos"] = [{**line, "powers": [power, 0.0]}] * 8
    patch["settings"]["modulations"][0] = {"source": source, "destination": "osc_1_transpose"}
    common = {"osc_1_random_phase": 0.0, "modulation_1_amount": 12.0 / 96.0}
    common |= {"lfo_1_sync": 0.0, "lfo_1_frequency": 0.0, "lfo_1_smooth_mode": 0.0}
    patch["settings"].update({**common, **settings})
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    assert synth.load_json(json.dumps(patch))
    synth.render(93, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(93, 0.8, 2.0, 1.5)[0, int(0.48 * RATE) : int(0.52 * RATE)]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 16 * RATE))
    return float(np.log2(spectrum.argmax() / 16.0 / 1760.0))


right = True
for power in (5.0, -5.0):
    modulation = {"macro_control_1": 0.5, "modulation_1_power": power}
    values = {
        "modulation": halfway("macro_control_1", modulation, 0.0),
        "attack": halfway("env_2", {"env_2_attack": 1.0, "env_2_attack_power": power}, 0.0),
        "LFO": halfway("lfo_1", {}, power),
    }
    print(f"power {power:.0f}: " + ", ".join(f"{n} {v:.2f}" for n, v in values.items()))
    fast = 0.92 if power > 0 else 0.08
    right &= np.allclose(list(values.values()), [fast, fast, 1.0 - fast], atol=0.03)
sys.exit(not right)
PYTHON
