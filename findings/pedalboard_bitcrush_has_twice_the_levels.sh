#!/usr/bin/env bash
# Pedalboard's Bitcrush of N bits has 2^(N+1) + 1 levels, as a depth of one bit more.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects for Python.
# Guess: Bitcrush(bit_depth=8) leaves 256 levels from -1 to 1, as an 8-bit file has.
# Behaviour: it leaves 513. 1 bit leaves 5 levels, where a 1-bit signal has 2. The step is 2^-N
#   where a signal of N bits has 2^(1-N), so the noise is 6 dB lower than that of the named bit
#   depth. A sound crushed to match an 8-bit sampler, or a bit depth found by fitting, is off by
#   one bit.
#
# Output seen (levels from -1 to 1; step; noise against that of N bits):
#   1 bits: 5 levels; step 0.5; -6.0 dB
#   2 bits: 9 levels; step 0.25; -6.0 dB
#   4 bits: 33 levels; step 0.0625; -6.0 dB
#   8 bits: 513 levels; step 0.00390625; -6.0 dB
#
# Exits with 1 if pedalboard behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pedalboard

ramp = np.linspace(-1.0, 1.0, 1_000_001).astype(np.float32)


def crush(bits):
    sound = np.ravel(pedalboard.Bitcrush(bit_depth=bits)(ramp, 44100.0))
    levels = np.unique(sound)
    step = float(np.diff(levels).min())
    named = 2.0 ** (1 - bits) / np.sqrt(12.0)
    noise = 20.0 * np.log10(np.sqrt(np.mean((sound - ramp).astype(float) ** 2)) / named)
    print(f"{bits} bits: {len(levels)} levels; step {step:g}; {noise:.1f} dB")
    return len(levels) == 2 ** (bits + 1) + 1 and abs(noise + 6.02) < 0.1


sys.exit(not all([crush(bits) for bits in (1, 2, 4, 8)]))
PYTHON
