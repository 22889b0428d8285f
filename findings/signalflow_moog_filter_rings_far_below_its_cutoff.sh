#!/usr/bin/env bash
# SignalFlow's MoogVCF rings 15 semitones below its cutoff, where it is 33 dB down.
#
# Library: signalflow 0.6.0 (PyPI), a synthesizer in Python whose engine is C++.
# Guess: MoogVCF is four one-pole filters, as the ladder is: 12 dB down at its cutoff without
#   resonance. With resonance it peaks at its cutoff, as SVFilter does.
# Behaviour: it is 33 dB down at a cutoff of 1 or 4 kHz. Its peak lies at 0.41 of the cutoff, and at
#   0.56 of a cutoff of 200 Hz. The engine takes cutoff / (half the rate) times 1.16 for a pole's
#   coefficient, which is 2 pi times cutoff / rate: that is 0.37 of it. It also adds 0.5 % of half
#   the rate, so that low cutoffs are less wrong. A patch from another synthesizer sounds dull, and
#   a filter that follows the keys is out of tune. The passband falls with resonance, too, by 13 dB.
#
# Output seen:
#   MoogVCF,    200 Hz: -24.2 dB at the cutoff, peak at  112 Hz, -10.0 semitones
#   MoogVCF,   1000 Hz: -33.0 dB at the cutoff, peak at  409 Hz, -15.5 semitones
#   MoogVCF,   4000 Hz: -33.1 dB at the cutoff, peak at 1648 Hz, -15.4 semitones
#   SVFilter,   200 Hz:  -6.0 dB at the cutoff, peak at  198 Hz,  -0.2 semitones
#   SVFilter,  1000 Hz:  -6.0 dB at the cutoff, peak at  990 Hz,  -0.2 semitones
#   SVFilter,  4000 Hz:  -6.0 dB at the cutoff, peak at 3962 Hz,  -0.2 semitones
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
from signalflow import AudioGraph, AudioOut_Dummy, Buffer, BufferPlayer, MoogVCF, SVFilter

RATE = 44_100
graph = AudioGraph(output_device=AudioOut_Dummy(2, 256), start=False)
graph.sample_rate = RATE


def response(make):
    """The gain in dB at each whole Hz."""
    impulse = np.zeros((1, RATE), np.float32)
    impulse[0, 0] = 1.0
    source = Buffer(impulse)
    source.sample_rate = RATE
    node, heard = make(BufferPlayer(source, loop=0)), Buffer(2, RATE)
    graph.play(node)
    graph.render_to_buffer(heard)
    graph.stop(node)
    return 20.0 * np.log10(np.abs(np.fft.rfft(np.array(heard.data)[0])) + 1e-9)


def low_pass(sound, cutoff, resonance):
    return SVFilter(sound, "low_pass", cutoff, resonance)


def seen(name, make, cutoff):
    gain = response(lambda sound: make(sound, cutoff, 0.0))[cutoff]
    peak = np.argmax(response(lambda sound: make(sound, cutoff, 0.9)))
    off = 12.0 * np.log2(peak / cutoff)
    print(
        f"{name + ',':9s} {cutoff:5d} Hz: {gain:5.1f} dB at the cutoff, "
        f"peak at {peak:4d} Hz, {off:5.1f} semitones"
    )
    return gain, off


moog = [seen("MoogVCF", MoogVCF, cutoff) for cutoff in (200, 1000, 4000)]
plain = [seen("SVFilter", low_pass, cutoff) for cutoff in (200, 1000, 4000)]
low = all(gain < -20.0 and off < -8.0 for gain, off in moog)
low = low and all(gain < -30.0 and -17.0 < off < -14.0 for gain, off in moog[1:])
sys.exit(not (low and all(abs(off) < 0.5 for _, off in plain)))
PYTHON
