#!/usr/bin/env bash
# Vital's diode filter is 28 dB down at its cutoff, in its styles "12dB" and "24dB" alike.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: the cutoff is the frequency at which a low-pass is 3 to 6 dB down (12 for a ladder of
#   four poles), in all models. Style "12dB" falls by 12 dB per octave above it, "24dB" by 24.
# Behaviour: analog and ladder are so. The diode filter at the same cutoff is 28 dB down there and
#   6.5 dB two octaves below, without resonance. "12dB" and "24dB", as get_control_text calls its
#   styles, make no difference with the default blend. So a change of model alone makes a patch
#   duller by two octaves, and a cutoff in Hz means something only together with the model.
#
# Output seen (dB against the sound without filter; two, one and no octave below the cutoff):
#   analog 12dB: -0.5, -1.9, -6.0
#   analog 24dB: -0.2, -1.0, -6.0
#   ladder 12dB: -0.5, -1.9, -6.0
#   ladder 24dB: -1.0, -3.8, -12.0
#   diode 12dB: -6.5, -15.9, -28.4
#   diode 24dB: -6.5, -15.9, -28.4
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

CUTOFF = 81  # A5, 880 Hz


def response(model, style, key):
    """Return the filter's gain in dB for a sine of this key."""
    levels = []
    for on in (1.0, 0.0):
        synth = vita.Synth()
        synth.set_sample_rate(44100.0)
        controls = synth.get_controls()
        settings = {"osc_1_random_phase": 0.0, "osc_1_level": 0.2, "filter_1_on": on}
        settings |= {"osc_1_spectral_morph_type": 7.0, "osc_1_spectral_morph_amount": 0.0}
        settings |= {"filter_1_model": model, "filter_1_style": style, "filter_1_resonance": 0.0}
        for name, value in {**settings, "filter_1_cutoff": CUTOFF}.items():
            controls[name].set(float(value))
        synth.render(key, 0.8, 0.02, 0.5)  # controls glide to their values
        sound = synth.render(key, 0.8, 2.0, 1.5)[0, 11_025:55_125]
        turns = np.arange(len(sound)) * 440.0 * 2.0 ** ((key - 69) / 12) / 44_100
        levels.append(20.0 * np.log10(abs(np.mean(sound * np.exp(-2j * np.pi * turns)))))
    return levels[0] - levels[1]


seen = {}
for model, name in ((0, "analog"), (2, "ladder"), (4, "diode")):
    for style, slope in ((0, "12dB"), (1, "24dB")):
        gains = [response(model, style, CUTOFF - 12 * octaves) for octaves in (2, 1, 0)]
        seen[name, slope] = gains
        print(f"{name} {slope}: " + ", ".join(f"{gain:.1f}" for gain in gains))
right = all(-13.0 < seen[n, s][2] < -5.0 for n in ("analog", "ladder") for s in ("12dB", "24dB"))
right &= all(seen["diode", s][2] < -25.0 and seen["diode", s][0] < -5.0 for s in ("12dB", "24dB"))
right &= np.allclose(seen["diode", "12dB"], seen["diode", "24dB"], atol=0.3)
sys.exit(not right)
PYTHON
