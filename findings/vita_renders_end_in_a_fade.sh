#!/usr/bin/env bash
# A shorter render of vita is not the beginning of a longer one.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: `render(note, velocity, 4, 1)` returns the first second of `render(note, velocity, 4, 2)`
#   of an equal engine: the key is held for longer than both.
# Behaviour: every render fades out over its last 200 samples, however long the note is held, and not
#   smoothly: the gain changes once per block of 64 samples, here 0.98, 0.66, 0.34, 0.02. So a render
#   has steps near its end. To get the true first second, render 256 samples more and cut them.
#   Nor does a second call go on where the first ended: all voices are stopped first.
#
# Output seen:
#   the first 43904 of 44100 samples are equal
#   gains of the last four blocks: 0.98, 0.66, 0.34, 0.02
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


def render(seconds):
    patch = json.loads(vita.Synth().to_json())
    patch["synth_version"] = "1.0.6"
    patch["settings"]["osc_1_random_phase"] = 0.0
    engine = vita.Synth()
    engine.set_sample_rate(float(RATE))
    assert engine.load_json(json.dumps(patch))
    return engine.render(48, 0.8, 4.0, seconds)


short, long = render(1.0), render(2.0)[:, :RATE]
equal = (short == long).all(axis=0)
first = RATE if equal.all() else int(np.argmin(equal))
gains = []
for start in range(first, RATE, 64):
    block = slice(start, min(start + 64, RATE))
    gains.append(float((short[:, block] * long[:, block]).sum() / (long[:, block] ** 2).sum()))
print(f"the first {first} of {RATE} samples are equal")
print(f"gains of the last four blocks: {', '.join(f'{gain:.2f}' for gain in gains)}")
sys.exit(0 if first == 43_904 and np.allclose(gains, [0.98, 0.66, 0.34, 0.02], atol=0.005) else 1)
PYTHON
