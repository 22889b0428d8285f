#!/usr/bin/env bash
# An oscillator of Vital that does not follow the keys plays note 48; a sample's root is 60.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: with osc_1_midi_track off, an oscillator plays middle C, note 60, on every key. It is the
#   note at which a sample that follows the keys has its own pitch, and at which filters have
#   their cutoff.
# Behaviour: the oscillator plays note 48, an octave below. The sample's root is 60. So where both
#   are freed from the keys or put on key 60, oscillator and sample are an octave apart, and a
#   patch whose tracking is switched off drops by an octave on that key.
#
# Output seen (MIDI notes that sound):
#   key 40: oscillator without tracking 48.0, sample with tracking 40.0
#   key 60: oscillator without tracking 48.0, sample with tracking 60.0
#   key 90: oscillator without tracking 48.0, sample with tracking 90.0
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
C4 = 440.0 * 2.0 ** (-9 / 12)


def note(key, settings):
    """Render a patch and return the MIDI note of the strongest partial."""
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    patch["settings"].update({"osc_1_random_phase": 0.0, **settings})
    # A sample of ten seconds that has the pitch of note 60.
    sine = 20_000 * np.sin(2 * np.pi * C4 * np.arange(10 * RATE) / RATE)
    text = base64.b64encode(sine.astype("<i2").tobytes()).decode()
    sample = {"name": "C4", "length": 10 * RATE, "sample_rate": RATE, "samples": text}
    patch["settings"]["sample"] = sample
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    assert synth.load_json(json.dumps(patch))
    synth.render(key, 0.8, 0.02, 0.5)  # controls glide to their values
    sound = synth.render(key, 0.8, 2.0, 1.5)[0, RATE // 4 : RATE // 4 + RATE]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(RATE), 16 * RATE))
    return 69.0 + 12.0 * np.log2(spectrum.argmax() / 16.0 / 440.0)


right = True
for key in (40, 60, 90):
    oscillator = note(key, {"osc_1_midi_track": 0.0})
    sample = note(key, {"osc_1_on": 0.0, "sample_on": 1.0, "sample_keytrack": 1.0})
    places = f"oscillator without tracking {oscillator:.1f}, sample with tracking {sample:.1f}"
    print(f"key {key}: {places}")
    right &= abs(oscillator - 48.0) < 0.05 and abs(sample - key) < 0.05
sys.exit(not right)
PYTHON
