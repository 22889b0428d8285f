#!/usr/bin/env bash
# arcadesynth's tremolo is half as fast as its frequency, and combine() favours the first sound.
#
# Library: arcadesynth 1.1.2 (PyPI), sound effects of arcade games. Seen on 2026-11-30.
# Guess: tremolo(buf, 8, ...) makes the sound swell eight times per second with each shape, as
#   make_sin(..., freq=8) has eight periods. combine() gives the "average amplitude for each
#   sample", as its docstring says, so two equal sounds come out as they were, and a sound and its
#   opposite cancel.
# Behaviour: a tremolo of 8 Hz has 4 swells per second, with the shapes sin, triangle, square and
#   sawtooth. The phase advances by pi per period instead of 2 pi. combine() returns the first
#   sound plus half of the second: two equal sounds come out 3.5 dB louder, opposite ones 6 dB
#   softer, and the second sound is always 6 dB below the first.
#
# Output seen:
#   make_sin of 8 Hz: 8 periods per second
#   tremolo of 8 Hz, sin: 4 swells per second
#   tremolo of 8 Hz, triangle: 4 swells per second
#   tremolo of 8 Hz, square: 4 swells per second
#   tremolo of 8 Hz, sawtooth: 4 swells per second
#   combine of 0.4 and 0.4: 0.600, of 0.4 and -0.4: 0.200, of 0 and 0.4: 0.200
#
# Exits with 1 if arcadesynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps arcadesynth==1.1.2 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from arcadesynth import synth

RATE = 44_100
synth.init(RATE, 1)


def cycles(buffer):
    """The strongest frequency of one second, in whole hertz."""
    samples = np.array(buffer)
    return int(np.abs(np.fft.rfft(samples - samples.mean())).argmax())


tone = cycles(synth.make_sin(1000, 0.4, 8))
print(f"make_sin of 8 Hz: {tone} periods per second")
swells = []
for shape in (synth.sin, synth.triangle, synth.square, synth.sawtooth):
    steady = synth.new_buffer([1.0] * RATE)
    synth.tremolo(steady, 8, 0.5, shape)
    swells.append(cycles(steady))
    print(f"tremolo of 8 Hz, {shape.__name__}: {swells[-1]} swells per second")
pairs = [(0.4, 0.4), (0.4, -0.4), (0.0, 0.4)]
sums = [synth.combine(*(synth.new_buffer([x] * 10) for x in pair))[0] for pair in pairs]
print(f"combine of 0.4 and 0.4: {sums[0]:.3f}, of 0.4 and -0.4: {sums[1]:.3f}, "
      f"of 0 and 0.4: {sums[2]:.3f}")
same = tone == 8 and swells == [4] * 4 and np.allclose(sums, [0.6, 0.2, 0.2])
sys.exit(not same)
PYTHON
