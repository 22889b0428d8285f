#!/usr/bin/env bash
# Vital's comb filter is flat, the more so the higher its pitch and the lower the oversampling is.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: a comb filter at cutoff 69 rings at 440 Hz, as the cutoff is a MIDI note: a string that
#   can be played with keytracking. The quality setting (oversampling) does not change a pitch.
# Behaviour: with the default oversampling of 2x and blend 0, the comb at note 110 (4,699 Hz)
#   rings 94 cents flat: nearly a semitone. With 1x it is 198 cents flat, with 8x 28. Lower notes
#   are flat by less. So a string of this filter is out of tune with the oscillators where it is
#   high, and a change of oversampling alone detunes a patch by a semitone.
#
# Output seen (cents at notes 84, 100, 110):
#   1x: -44, -108, -198
#   2x: -26, -53, -94
#   8x: -12, -19, -28
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

RATE = 44_100
NOTES = (84, 100, 110)


def cents(cutoff, oversampling):
    """Send a click through the filter and find the strongest frequency near the cutoff."""
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    click = np.zeros(RATE * 2, "<i2")
    click[RATE // 4 : RATE // 4 + 2] = 20_000
    text = base64.b64encode(click.tobytes()).decode()
    sample = {"name": "click", "length": len(click), "sample_rate": RATE, "samples": text}
    settings = {"sample": sample, "osc_1_on": 0.0, "sample_on": 1.0, "sample_destination": 0.0}
    settings |= {"filter_1_on": 1.0, "filter_1_model": 6.0, "filter_1_resonance": 0.95}
    settings |= {"filter_1_cutoff": float(cutoff), "oversampling": float(oversampling)}
    patch["settings"].update(settings)
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    assert synth.load_json(json.dumps(patch))
    synth.render(69, 0.8, 0.02, 0.5)  # controls glide to their values
    ring = synth.render(69, 0.8, 2.0, 1.5)[0, RATE // 4 :]
    power = np.abs(np.fft.rfft(ring, 16 * RATE))
    frequencies = np.arange(len(power)) / 16.0
    target = 440.0 * 2.0 ** ((cutoff - 69) / 12)
    power *= (frequencies > target * 0.75) & (frequencies < target * 1.33)
    return 1200.0 * np.log2(frequencies[power.argmax()] / target)


seen = {}
for raw, name in ((0, "1x"), (1, "2x"), (3, "8x")):
    seen[name] = [cents(cutoff, raw) for cutoff in NOTES]
    print(f"{name}: " + ", ".join(f"{value:.0f}" for value in seen[name]))
top = [values[2] for values in seen.values()]
sys.exit(not (top[0] < -150.0 and -130.0 < top[1] < -70.0 and -50.0 < top[2] < -15.0))
PYTHON
