#!/usr/bin/env bash
# The drive of most of Vital's filters makes a soft sound louder by only half of its decibels.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: filter_1_drive, which reads "12.000000dB", is gain before the filter's saturation. A
#   sound that is too soft to saturate is 12 dB louder with it, in each model.
# Behaviour: the gain depends on the model. Analog, digital and diode give 6 dB for 12, the ladder
#   8 dB, the dirty filter 16 dB, and formant and comb none. So drive cannot be read as a gain,
#   and a patch with drive changes its level with the filter's model.
#
# Output seen (gain in dB of a soft tone, with the cutoff at 4.7 kHz and no resonance):
#   3.000000dB: analog 1.5, dirty 4.9, ladder 2.2, digital 1.5, diode 1.5, formant 0.0, comb 0.0
#   6.000000dB: analog 3.0, dirty 9.0, ladder 4.2, digital 3.0, diode 3.0, formant 0.0, comb 0.0
#   12.000000dB: analog 6.0, dirty 16.1, ladder 8.0, digital 6.0, diode 6.0, formant 0.0, comb 0.0
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

MODELS = ("analog", "dirty", "ladder", "digital", "diode", "formant", "comb")


def level(model, drive):
    synth = vita.Synth()
    synth.set_sample_rate(44100.0)
    controls = synth.get_controls()
    settings = {"osc_1_random_phase": 0.0, "osc_1_level": 0.03, "filter_1_on": 1.0}
    settings |= {"filter_1_model": model, "filter_1_cutoff": 110.0, "filter_1_resonance": 0.0}
    for name, value in {**settings, "filter_1_drive": drive}.items():
        controls[name].set(float(value))
    synth.render(60, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(60, 0.8, 2.0, 1.0)[0, 11_025:33_075].astype(float)
    return 20.0 * np.log10(np.std(sound)), synth.get_control_text("filter_1_drive")


gains = {}
for drive in (3.0, 6.0, 12.0):
    pairs = [(level(model, drive), level(model, 0.0)) for model in range(len(MODELS))]
    gains[drive] = [round(driven[0] - plain[0], 1) + 0.0 for driven, plain in pairs]
    print(f"{pairs[0][0][1]}: " + ", ".join(f"{n} {g}" for n, g in zip(MODELS, gains[drive])))
sys.exit(not np.allclose(gains[12.0], [6.0, 16.1, 8.0, 6.0, 6.0, 0.0, 0.0], atol=0.6))
PYTHON
