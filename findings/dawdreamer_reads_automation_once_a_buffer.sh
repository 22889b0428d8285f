#!/usr/bin/env bash
# DawDreamer reads automation once a buffer: of a tremolo of 60 Hz it makes one of 26 Hz.
#
# Library: dawdreamer 0.9.0 (PyPI), a host of plugins and Faust programs.
# Guess: set_automation with one value a sample moves a parameter with each sample, whatever the
#   buffer: the documentation says "Parameter automation at audio-rate", and "the data will be
#   interpreted at audio rate".
# Behaviour: the value at the start of each buffer counts for the whole of it. So a fast modulation
#   is sampled without a filter at 44,100 Hz / buffer: 60 Hz is heard as 26 Hz with a buffer of 512
#   and as 5 Hz with 2,048. A step comes up to a buffer late (46 ms with 2,048), and a slow sweep is
#   a staircase. With a buffer of 1 each sample counts. So the same automation of the same engine
#   makes another sound with another buffer size.
#
# Output seen (the automation goes to the gain of a constant 1):
#   buffer    1: 60 Hz is heard as 60 Hz; a ramp of 1 s has 44100 values; a step is  0.0 ms late
#   buffer  128: 60 Hz is heard as 60 Hz; a ramp of 1 s has   345 values; a step is  2.1 ms late
#   buffer  512: 60 Hz is heard as 26 Hz; a ramp of 1 s has    87 values; a step is 10.8 ms late
#   buffer 2048: 60 Hz is heard as  5 Hz; a ramp of 1 s has    22 values; a step is 10.8 ms late
#
# Exits with 1 if DawDreamer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dawdreamer==0.9.0 numpy==1.26.4 scipy==1.14.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import dawdreamer
import numpy as np

RATE = 44_100
TIMES = np.arange(RATE) / RATE
GAIN = """declare name "voice";
process = par(i, 2, *(hslider("gain", 0, 0, 1, 0.0001)));
"""


def automated(values, buffer):
    """What a gain with this automation makes of a constant 1."""
    engine = dawdreamer.RenderEngine(RATE, buffer)
    constant = engine.make_playback_processor("one", np.ones((2, RATE), np.float32))
    gain = engine.make_faust_processor("gain")
    gain.set_dsp_string(GAIN)
    gain.compile()
    gain.set_automation("/voice/gain", values.astype(np.float32))
    engine.load_graph([(constant, []), (gain, ["one"])])
    engine.render(1.0)
    return engine.get_audio()[0]


tremolo = 0.5 + 0.5 * np.sin(2 * np.pi * 60.0 * TIMES)
sweep = TIMES
step = (TIMES >= 0.5).astype(float)
seen = {}
for buffer in (1, 128, 512, 2048):
    heard = automated(tremolo, buffer)
    pitch = int(np.argmax(np.abs(np.fft.rfft(heard - heard.mean()))))
    values = len(np.unique(automated(sweep, buffer)))
    late = 1000 * (np.argmax(automated(step, buffer) > 0.5) / RATE - 0.5)
    seen[buffer] = pitch, values, late
    print(
        f"buffer {buffer:4d}: 60 Hz is heard as {pitch:2d} Hz; a ramp of 1 s has "
        f"{values:5d} values; a step is {late:4.1f} ms late"
    )
right = seen[1][0] == 60 and seen[1][1] > 9000 and abs(seen[1][2]) < 0.1
wrong = seen[512][0] == 26 and seen[2048][0] < 20 and seen[2048][1] < 30 and seen[2048][2] > 5.0
sys.exit(not (right and wrong))
PYTHON
