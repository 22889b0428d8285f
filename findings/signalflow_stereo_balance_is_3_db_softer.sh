#!/usr/bin/env bash
# SignalFlow's StereoBalance makes a sound 3 dB softer at 0, where its documentation says unchanged.
#
# Library: signalflow 0.6.0 (PyPI), a synthesizer in Python whose engine is C++.
# Guess: "balance of 0 is unchanged, -1 is hard left, and 1 is hard right", as the documentation
#   says; a balance towards one side makes the other side softer.
# Behaviour: both channels are multiplied by 0.707 at 0: it is the law of a panner of a mono sound,
#   sqrt((1 - balance) / 2) and sqrt((1 + balance) / 2). So a track comes out 3 dB softer. Turning
#   it to the left makes the left channel louder, by up to 3 dB. Two in a row cost 6 dB.
#
# Output seen (gain of the left and right channel, in dB):
#   no node                 0.0     0.0
#   StereoWidth at 1        0.0     0.0
#   StereoBalance at 0     -3.0    -3.0
#   at -0.5                -1.2    -6.0
#   at -1                   0.0  -120.0
#   twice at 0             -6.0    -6.0
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
from signalflow import (
    AudioGraph,
    AudioOut_Dummy,
    Buffer,
    ChannelArray,
    SineOscillator,
    StereoBalance,
    StereoWidth,
)

graph = AudioGraph(output_device=AudioOut_Dummy(2, 256), start=False)
graph.sample_rate = 44_100


def decibels(name, make):
    node, heard = make(ChannelArray([SineOscillator(440), SineOscillator(440)])), Buffer(2, 44_100)
    graph.play(node)
    graph.render_to_buffer(heard)
    graph.stop(node)
    left, right = 20.0 * np.log10(np.abs(np.array(heard.data)).max(axis=1) + 1e-6)
    print(f"{name:19s} {left:7.1f} {right:7.1f}")
    return left, right


plain = decibels("no node", lambda sound: sound)
width = decibels("StereoWidth at 1", lambda sound: StereoWidth(sound, 1.0))
middle = decibels("StereoBalance at 0", lambda sound: StereoBalance(sound, 0.0))
to_left = decibels("at -0.5", lambda sound: StereoBalance(sound, -0.5))
all_left = decibels("at -1", lambda sound: StereoBalance(sound, -1.0))
twice = decibels("twice at 0", lambda sound: StereoBalance(StereoBalance(sound, 0.0), 0.0))
as_guessed = np.allclose([plain, width], 0.0, atol=0.1) and abs(all_left[0]) < 0.1
softer = np.allclose(middle, -3.0, atol=0.1) and np.allclose(twice, -6.0, atol=0.1)
sys.exit(not (as_guessed and softer and to_left[0] > middle[0] + 1.0))
PYTHON
