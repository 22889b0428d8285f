#!/usr/bin/env bash
# SignalFlow's OneTapDelay comes half a second early if its delay time is 0.5 s or more.
#
# Library: signalflow 0.6.0 (PyPI), a sound synthesis framework.
# Guess: OneTapDelay delays by 0.6 s if it is told to, or stays at its default max_delay_time of
#   0.5 s, or says that the time is too long, as CombDelay does.
# Behaviour: the time wraps around the maximum, without a word: 0.5 s is no delay at all, 0.6 s
#   comes after 0.1 s, and 1.1 s as well. AllpassDelay does the same. A quarter note is longer than
#   0.5 s below 120 beats a minute, so an echo of one beat is out of time in most slow music. With
#   max_delay_time=2.0 it is right.
#
# Output seen:
#   0.3 s: heard after 0.300 s, with max_delay_time=2.0 after 0.300 s
#   0.49 s: heard after 0.490 s, with max_delay_time=2.0 after 0.490 s
#   0.5 s: heard after 0.000 s, with max_delay_time=2.0 after 0.500 s
#   0.6 s: heard after 0.100 s, with max_delay_time=2.0 after 0.600 s
#   0.9 s: heard after 0.400 s, with max_delay_time=2.0 after 0.900 s
#   1.1 s: heard after 0.100 s, with max_delay_time=2.0 after 1.100 s
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
from signalflow import AudioGraph, AudioOut_Dummy, Buffer, BufferPlayer, OneTapDelay

RATE = 44_100
graph = AudioGraph(output_device=AudioOut_Dummy(2, 256), start=False)
graph.sample_rate = RATE


def heard_after(delay, **settings):
    """When a click comes out of the delay, in seconds."""
    click = np.zeros((1, RATE), np.float32)
    click[0, 0] = 1.0
    source = Buffer(click)
    source.sample_rate = RATE
    node, heard = OneTapDelay(BufferPlayer(source, loop=0), delay, **settings), Buffer(2, 2 * RATE)
    graph.play(node)
    graph.render_to_buffer(heard)
    graph.stop(node)
    return int(np.abs(np.array(heard.data)[0]).argmax()) / RATE


off = []
for delay in (0.3, 0.49, 0.5, 0.6, 0.9, 1.1):
    default, long = heard_after(delay), heard_after(delay, max_delay_time=2.0)
    off.append((default - delay, long - delay))
    print(f"{delay:g} s: heard after {default:.3f} s, with max_delay_time=2.0 after {long:.3f} s")
default, long = np.array(off).T
right = np.abs(long).max() < 1e-3 and np.abs(default[:2]).max() < 1e-3
sys.exit(not (right and np.allclose(default[2:], [-0.5, -0.5, -0.5, -1.0], atol=1e-3)))
PYTHON
