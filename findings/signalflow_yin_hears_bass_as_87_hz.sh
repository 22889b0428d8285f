#!/usr/bin/env bash
# SignalFlow's YinPitchTracker hears each bass note as 87 Hz, and the highest notes an octave low.
#
# Library: signalflow 0.6.0 (PyPI), a sound synthesis framework.
# Guess: YinPitchTracker hears a steady sine between its default f0_min of 50 Hz and its default
#   f0_max of 2,000 Hz within 5 cents.
# Behaviour: a note below 86 Hz is heard as some 87 Hz, steadily and with no sign of doubt: an A1 is
#   796 cents sharp. The default window is 1,024 samples, and half of it is a period of 86 Hz at
#   44.1 kHz. f0_min does not say so, and window_size=4096 mends it. A note above 1.8 kHz is heard
#   an octave low, with either window.
#
# Output seen:
#   A1    55.00 Hz:   796 to   796 cents off, with window_size=4096     0 to     0
#   C2    65.41 Hz:   485 to   485 cents off, with window_size=4096     0 to     0
#   E2    82.41 Hz:    85 to    85 cents off, with window_size=4096     0 to     0
#   A2   110.00 Hz:     0 to     0 cents off, with window_size=4096     0 to     0
#   A4   440.00 Hz:     0 to     0 cents off, with window_size=4096     0 to     0
#   A6  1760.00 Hz:     0 to     0 cents off, with window_size=4096     0 to     0
#   A#6 1864.66 Hz: -1200 to -1200 cents off, with window_size=4096 -1200 to -1200
#   B6  1975.53 Hz: -1200 to -1200 cents off, with window_size=4096 -1200 to -1200
#
# Exits with 1 if SignalFlow behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet signalflow==0.6.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from signalflow import AudioGraph, AudioOut_Dummy, Buffer, BufferPlayer, YinPitchTracker

RATE = 44_100
graph = AudioGraph(output_device=AudioOut_Dummy(2, 256), start=False)
graph.sample_rate = RATE


def cents(hz, **settings):
    """How far from its pitch half a second of a sine is heard, in cents: lowest and highest."""
    sine = 0.5 * np.sin(2.0 * np.pi * hz * np.arange(RATE) / RATE)
    source = Buffer(sine[None].astype(np.float32))
    source.sample_rate = RATE
    node, heard = YinPitchTracker(BufferPlayer(source, loop=0), **settings), Buffer(2, RATE)
    graph.play(node)
    graph.render_to_buffer(heard)
    graph.stop(node)
    steady = np.array(heard.data)[0, RATE // 3 : 5 * RATE // 6]
    return [round(1200.0 * np.log2(end / hz)) for end in (steady.min(), steady.max())]


seen = {}
for note, hz in (
    ("A1", 55.0),
    ("C2", 65.406),
    ("E2", 82.407),
    ("A2", 110.0),
    ("A4", 440.0),
    ("A6", 1760.0),
    ("A#6", 1864.66),
    ("B6", 1975.53),
):
    seen[note] = cents(hz), cents(hz, window_size=4096)
    default, long = (f"{low:5d} to {high:5d}" for low, high in seen[note])
    print(f"{note:3s} {hz:7.2f} Hz: {default} cents off, with window_size=4096 {long}")
low = all(min(seen[note][0]) > least for note, least in (("A1", 750), ("C2", 450), ("E2", 60)))
high = all(max(ends) < -1150 for ends in seen["B6"])
right = max(abs(cent) for note in ("A2", "A4", "A6") for ends in seen[note] for cent in ends) < 5
long = max(abs(cent) for note in ("A1", "C2", "E2") for cent in seen[note][1]) < 5
sys.exit(not (low and high and right and long))
PYTHON
