#!/usr/bin/env bash
# DawDreamer renders beats in whole buffers, and seconds to the sample.
#
# Library: DawDreamer 0.9.0 (PyPI), an offline host of instruments and effects for Python.
# Guess: at 120 beats per minute, render(4, beats=True) is as long as render(2.0): 88,200 samples.
# Behaviour: the length in beats is rounded up to whole buffers, so it depends on the engine's
#   buffer size: 88,576 samples with 512, and 90,112 with 2,048 (43 ms more). The rest is filled
#   with sound, not with silence. So bars that are rendered one by one do not join into a loop in
#   time: each is 8.5 ms too long with 512. With a buffer of 1 both lengths are equal.
#
# Output seen (samples of 4 beats at 120 beats per minute and 44.1 kHz, and of 2 seconds):
#   buffers of 1: 88200, 88200
#   buffers of 64: 88256, 88200
#   buffers of 512: 88576, 88200
#   buffers of 2048: 90112, 88200
#
# Exits with 1 if DawDreamer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dawdreamer==0.9.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import dawdreamer
import numpy as np

RATE = 44100


def lengths(size):
    engine = dawdreamer.RenderEngine(RATE, size)
    engine.set_bpm(120.0)
    source = engine.make_playback_processor("source", np.ones((2, 3 * RATE), np.float32))
    engine.load_graph([(source, [])])
    engine.render(4, beats=True)
    beats = engine.get_audio()
    engine.render(2.0)
    seconds = engine.get_audio()
    print(f"buffers of {size}: {beats.shape[1]}, {seconds.shape[1]}")
    return beats.shape[1], seconds.shape[1], float(beats[0, -1])


seen = {size: lengths(size) for size in (1, 64, 512, 2048)}
rounded = all(beats == -(-88200 // size) * size for size, (beats, _, _) in seen.items())
exact = all(seconds == 88200 for _, seconds, _ in seen.values())
sys.exit(not (rounded and exact and all(last == 1.0 for _, _, last in seen.values())))
PYTHON
