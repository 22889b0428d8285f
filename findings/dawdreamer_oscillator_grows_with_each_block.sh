#!/usr/bin/env bash
# DawDreamer's oscillator adds each block to the one before, and so has no fixed level.
#
# Library: DawDreamer 0.9.0 (PyPI), an offline host of instruments and effects for Python.
# Guess: make_oscillator_processor plays a sine with a peak of 1, whatever the engine's buffer
#   size.
# Behaviour: only the first buffer does. Each later one is added to what the buffer held before.
#   If a buffer holds whole periods, the peak grows by 1 per buffer: to 441 in a second of 441 Hz,
#   in buffers of 100 samples. With other sizes the sine jumps after the first buffer to a level
#   that depends on pitch and size. A loudness measured from it, or a mix with it, follows the
#   buffer size. (JUCE's dsp::Oscillator adds to its input, which here is the last block.) A Faust
#   sine is right.
#
# Output seen (peak of the first buffer and of one second, 441 Hz at 44.1 kHz):
#   buffers of 64: 1.00, 1.10
#   buffers of 100: 1.00, 441.00
#   buffers of 512: 1.00, 2.71
#   buffers of 1000: 1.00, 45.00
#   Faust, buffers of 100: 1.00, 1.00
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

RATE, PITCH = 44100, 441.0


def peaks(size, faust=False):
    engine = dawdreamer.RenderEngine(RATE, size)
    if faust:
        source = engine.make_faust_processor("source")
        source.set_dsp_string(f"process = os.osc({PITCH});")
    else:
        source = engine.make_oscillator_processor("source", PITCH)
    engine.load_graph([(source, [])])
    engine.render(1.0)
    sound = np.abs(engine.get_audio()[0])
    first, peak = float(sound[:size].max()), float(sound.max())
    print(f"{'Faust, ' * faust}buffers of {size}: {first:.2f}, {peak:.2f}")
    return first, peak


seen = {size: peaks(size) for size in (64, 100, 512, 1000)}
faust = peaks(100, faust=True)
begins = all(first < 1.01 for first, _ in seen.values())
sys.exit(not (begins and seen[100][1] > 400.0 and seen[512][1] > 2.5 and faust[1] < 1.01))
PYTHON
