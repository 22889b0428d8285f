#!/usr/bin/env bash
# synthplayer's echoes fade ever faster: with a decay of 0.5 the fourth is 36 dB too soft.
#
# Library: synthplayer 2.5 (PyPI), a software synthesizer; Sample.echo. Control: its EchoFilter.
# Guess: decay is "the factor with which each echo is decayed in volume". So each echo is half as
#   loud as the one before if it is 0.5, a straight line in decibels. EchoFilter, whose description
#   is nearly the same, does so for an oscillator.
# Behaviour: each echo is made of the one before, and the factor becomes smaller with each as well.
#   So echo n is not 0.5^n but 0.5^(n (n + 1) / 2): 6, 18, 36 and 60 dB down. At a decay of 0.5 only
#   two or three echoes are heard, however many are asked for.
#
# Output seen:
#   echo   expected   EchoFilter   Sample.echo
#     1     -6.0 dB      -6.0 dB       -6.0 dB
#     2    -12.0 dB     -12.0 dB      -18.1 dB
#     3    -18.1 dB     -18.1 dB      -36.1 dB
#     4    -24.1 dB     -24.1 dB      -60.2 dB
#
# Exits with 1 if synthplayer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps synthplayer==2.5 numpy==2.2.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import itertools
import sys

import numpy as np
from synthplayer.oscillators import EchoFilter, OscillatorFromSingleSamples
from synthplayer.synth import WaveSynth

RATE, STEP = 44_100, 4410
DECAY, ECHOES = 0.5, 4


def levels(samples):
    """How loud each tenth of a second is against the first, in dB."""
    peaks = [np.max(np.abs(samples[i * STEP : i * STEP + 2000])) for i in range(ECHOES + 1)]
    return [20 * np.log10(peak / peaks[0]) for peak in peaks[1:]]


sample = WaveSynth(RATE, 4).sine(441, 0.05, amplitude=0.5)
sample = sample.mono().echo(sample.duration, ECHOES, 0.1, DECAY)
heard = levels(np.array(sample.get_frame_array(), float))

burst = 0.5 * np.sin(2 * np.pi * 441 * np.arange(2205) / RATE)
burst = itertools.chain(burst.tolist(), itertools.repeat(0.0, RATE))
echoes = EchoFilter(OscillatorFromSingleSamples(burst, RATE), 0.0, ECHOES, 0.1, DECAY)
samples = itertools.chain.from_iterable(echoes.blocks())
control = levels(np.array(list(itertools.islice(samples, (ECHOES + 1) * STEP))))

print("echo   expected   EchoFilter   Sample.echo")
for i, (other, level) in enumerate(zip(control, heard), start=1):
    expected = 20 * i * np.log10(DECAY)
    print(f"  {i}    {expected:5.1f} dB     {other:5.1f} dB      {level:5.1f} dB")
count = np.arange(1, ECHOES + 1)
wrong = np.allclose(heard, 20 * count * (count + 1) / 2 * np.log10(DECAY), atol=0.3)
sys.exit(not (wrong and np.allclose(control, 20 * count * np.log10(DECAY), atol=0.3)))
PYTHON
