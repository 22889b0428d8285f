#!/usr/bin/env bash
# SignalFlow's BiquadFilter is silent with its default resonance, and a bypass if it is a band-pass.
#
# Library: signalflow 0.6.0 (PyPI), a synthesizer in Python whose engine is C++.
# Guess: BiquadFilter(sound, "low_pass", cutoff) has resonance=0.0 by default, which is no
#   resonance, as in SVFilter: 3 or 6 dB down at the cutoff and flat below.
# Behaviour: the resonance is the quality factor Q, so that 0 divides by zero. A low-pass, high-pass
#   or notch filter gives silence, without an error, and a band-pass lets everything through. A low
#   resonance damps heavily: at 0.1 a low-pass with a cutoff of 1 kHz is 10 dB down at 300 Hz.
#   No resonance is 0.707 here, but resonance of SVFilter is in 0..1. So the two filters
#   do not sound alike with the same numbers.
#
# Output seen (gain in dB at 30, 300, 1000, 3000 Hz, with a cutoff of 1000 Hz):
#   BiquadFilter low_pass, default:   -120.0 -120.0 -120.0 -120.0
#   BiquadFilter high_pass, default:  -120.0 -120.0 -120.0 -120.0
#   BiquadFilter notch, default:      -120.0 -120.0 -120.0 -120.0
#   BiquadFilter band_pass, default:     0.0    0.0    0.0    0.0
#   BiquadFilter low_pass, 0.1:         -0.4   -9.9  -20.0  -30.0
#   BiquadFilter low_pass, 0.707:        0.0    0.0   -3.0  -19.4
#   SVFilter low_pass, default:          0.0   -0.7   -6.0  -20.2
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
from signalflow import AudioGraph, AudioOut_Dummy, BiquadFilter, Buffer, BufferPlayer, SVFilter

RATE = 44_100
graph = AudioGraph(output_device=AudioOut_Dummy(2, 256), start=False)
graph.sample_rate = RATE


def gains(name, filtered, *settings):
    impulse = np.zeros((1, RATE), np.float32)
    impulse[0, 0] = 1.0
    source = Buffer(impulse)
    source.sample_rate = RATE
    node, heard = filtered(BufferPlayer(source, loop=0), *settings), Buffer(2, RATE)
    graph.play(node)
    graph.render_to_buffer(heard)
    graph.stop(node)
    spectrum = np.abs(np.fft.rfft(np.array(heard.data)[0]))[[30, 300, 1000, 3000]]
    gain = np.maximum(20.0 * np.log10(spectrum + 1e-9), -120.0)
    label = f"{name} {settings[0]}, {settings[2] if len(settings) > 2 else 'default'}:"
    print(f"{label:33s}" + "".join(f"{round(float(each), 1) + 0.0:7.1f}" for each in gain))
    return gain


silent = [
    gains("BiquadFilter", BiquadFilter, kind, 1000) for kind in ("low_pass", "high_pass", "notch")
]
bypass = gains("BiquadFilter", BiquadFilter, "band_pass", 1000)
damped = gains("BiquadFilter", BiquadFilter, "low_pass", 1000, 0.1)
flat = gains("BiquadFilter", BiquadFilter, "low_pass", 1000, 0.707)
other = gains("SVFilter", SVFilter, "low_pass", 1000)
as_guessed = all(abs(each[0]) < 0.5 and -7.0 < each[2] < -2.5 for each in (flat, other))
off = np.max(silent) < -100.0 and np.abs(bypass).max() < 0.5 and damped[1] < -8.0
sys.exit(not (off and as_guessed))
PYTHON
