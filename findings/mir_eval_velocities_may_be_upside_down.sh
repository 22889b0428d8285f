#!/usr/bin/env bash
# mir_eval gives full marks to a transcription that plays loud notes softly and soft notes loudly.
#
# Library: mir_eval 0.8.2 (PyPI), scores for music transcription; transcription_velocity.
# Guess: a note counts if its velocity is near the reference's, after one gain for the whole piece.
#   So velocities turned upside down (128 - v) score about as little as random ones.
# Behaviour: they score 1.0, as the right ones do. A line a x + b is fitted to the matched notes
#   before velocities are compared, and a may be negative. For the same reason a dynamic range of 2
#   velocities, and one that is louder than the highest velocity, score 1.0. The documentation names
#   the line, for differences of scale and offset, but not that the direction of loudness is lost.
#   The score sees correlation only, so it cannot tell a patch or model whose velocity is reversed.
#
# Output seen (share of notes that count, of 500):
#   right                       1.000
#   upside down (128 - v)       1.000
#   nearly constant (63 + v/64) 1.000
#   louder than 127 (v + 500)   1.000
#   random                      0.216
#   constant 64                 0.198
#
# Exits with 1 if mir_eval behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mir_eval==0.8.2 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from mir_eval.transcription_velocity import precision_recall_f1_overlap

random = np.random.default_rng(0)
starts = 0.5 * np.arange(500)
times = np.column_stack([starts, starts + 0.4])
pitches = 440.0 * 2 ** (random.integers(-24, 24, 500) / 12)
reference = random.integers(1, 128, 500)
played = {
    "right": reference,
    "upside down (128 - v)": 128 - reference,
    "nearly constant (63 + v/64)": 63 + reference / 64,
    "louder than 127 (v + 500)": reference + 500,
    "random": random.integers(1, 128, 500),
    "constant 64": np.full(500, 64),
}
scores = {}
for name, velocities in played.items():
    score = precision_recall_f1_overlap(times, pitches, reference, times, pitches, velocities)[2]
    scores[name] = score
    print(f"{name:27s} {score:.3f}")
full = [score for name, score in scores.items() if "(" in name or name == "right"]
sys.exit(not (full == [1.0] * 4 and scores["random"] < 0.3 and scores["constant 64"] < 0.3))
PYTHON
