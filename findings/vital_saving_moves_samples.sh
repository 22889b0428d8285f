#!/usr/bin/env bash
# Vital's engine changes the sample of a patch when it loads and saves it.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: a patch that is loaded and saved again, with nothing changed, holds the same sample: 16-bit
#   values in, 16-bit values out, as wavetables and LFO shapes come back bit for bit.
# Behaviour: 1,537 of the 65,536 values that a 16-bit sample can have come back one step nearer to 0.
#   A second load and save changes nothing more. So two saves of one patch cannot be compared by
#   their bytes, nor a sample recognised by its text or its hash.
#
# Output seen:
#   same wavetables: True, same LFOs: True
#   moved by the first save: 1537 of 65536, steps toward 0: [1]
#   moved by the second save: 0
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


def load_and_save(patch):
    engine = vita.Synth()
    assert engine.load_json(json.dumps(patch))
    return json.loads(engine.to_json())


def values(patch):
    return np.frombuffer(base64.b64decode(patch["settings"]["sample"]["samples"]), "<i2").astype(int)


# The engine's own first patch, with every 16-bit value once as its sample.
patch = json.loads(vita.Synth().to_json())
pcm = np.arange(-32768, 32768).astype("<i2")
patch["settings"]["sample"] = {
    "name": "every value",
    "length": len(pcm),
    "sample_rate": 44_100,
    "samples": base64.b64encode(pcm.tobytes()).decode(),
}
first = load_and_save(patch)
second = load_and_save(first)
tables, lfos = (
    [each["settings"][key] for each in (patch, first)] for key in ("wavetables", "lfos")
)
same_tables, same_lfos = tables[0] == tables[1], lfos[0] == lfos[1]
print(f"same wavetables: {same_tables}, same LFOs: {same_lfos}")
steps = np.abs(values(patch)) - np.abs(values(first))
moved, again = np.count_nonzero(steps), np.count_nonzero(values(first) != values(second))
print(f"moved by the first save: {moved} of {len(pcm)}, steps toward 0: {np.unique(steps[steps != 0])}")
print(f"moved by the second save: {again}")
expected = same_tables and same_lfos and moved == 1537 and set(steps[steps != 0]) == {1} and again == 0
sys.exit(0 if expected else 1)
PYTHON
