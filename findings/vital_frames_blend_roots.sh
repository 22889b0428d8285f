#!/usr/bin/env bash
# A frame between two keyframes of a Vital wavetable is no mixture of the two.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: with linear interpolation ("interpolation_style": 1), a frame halfway between two keyframes
#   is the mean of both: a harmonic that only the second one has is at half its amplitude, -6.0 dB.
# Behaviour: with "interpolation": 1, as Vital saves its own tables, the square roots of the
#   amplitudes of each harmonic are interpolated: halfway the harmonic is at a quarter, -12.0 dB, and
#   at a quarter of the way at a sixteenth, -24.1 dB. With "interpolation": 0 the guess holds.
#
# Output seen:
#   interpolation 0: -12.0 dB at 1/4, -6.0 dB at 1/2, -2.5 dB at 3/4
#   interpolation 1: -24.1 dB at 1/4, -12.0 dB at 1/2, -5.0 dB at 3/4
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

RATE, NOTE, HZ = 44_100, 57, 220.0


def keyframe(position, second):
    """A sine, with a second harmonic of this amplitude."""
    phase = 2 * np.pi * np.arange(2048) / 2048
    wave = 0.2 * np.sin(phase) + second * np.sin(2 * phase)
    data = base64.b64encode(wave.astype("<f4").tobytes()).decode()
    return {"position": position, "wave_data": data}


def second_harmonic(interpolation, frame):
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    source = {
        "type": "Wave Source",
        "interpolation": interpolation,
        "interpolation_style": 1,
        "keyframes": [keyframe(0, 0.0), keyframe(64, 0.2)],
    }
    patch["settings"]["wavetables"][0] = {
        "name": "test",
        "author": "",
        "version": "1.0.6",
        "full_normalize": False,
        "remove_all_dc": True,
        "groups": [{"components": [source]}],
    }
    patch["settings"]["osc_1_on"] = 1.0
    patch["settings"]["osc_1_random_phase"] = 0.0
    patch["settings"]["osc_1_wave_frame"] = float(frame)
    engine = vita.Synth()
    engine.set_sample_rate(float(RATE))
    assert engine.load_json(json.dumps(patch))
    sound = engine.render(NOTE, 0.8, 2.0, 2.0)[0][RATE // 2 : RATE // 2 + RATE].astype(float)
    times = np.arange(len(sound)) / RATE
    one, two = (abs(np.mean(sound * np.exp(-2j * np.pi * h * HZ * times))) for h in (1, 2))
    return two / one


decibels = {}
for interpolation in (0, 1):
    full = second_harmonic(interpolation, 64)
    levels = [20 * np.log10(second_harmonic(interpolation, f) / full) for f in (16, 32, 48)]
    decibels[interpolation] = np.round(levels, 1)
    places = zip(levels, ("1/4", "1/2", "3/4"))
    print(f"interpolation {interpolation}: " + ", ".join(f"{d:.1f} dB at {p}" for d, p in places))
expected = np.allclose(decibels[0], [-12.0, -6.0, -2.5], atol=0.15) and np.allclose(
    decibels[1], [-24.1, -12.0, -5.0], atol=0.15
)
sys.exit(0 if expected else 1)
PYTHON
