#!/usr/bin/env bash
# Voxis' reverb is 34 dB louder than the dry sound at a decay of 2 s, and stops dead at 2 s.
#
# Library: voxis 0.0.7 (PyPI), an effects library. Seen on 2026-12-01: room, hall and plate reverb.
# Guess: mix blends a dry and a wet sound of similar loudness, so the level of white noise changes
#   by a few dB at most at the default mix. After decay_seconds a sound is 60 dB down, as after a
#   reverberation time, or has at least faded out.
# Behaviour: the impulse response is decaying noise, which the source scales to a peak of full
#   scale. At decay_seconds=2 its energy is 34 dB above that of the dry impulse. At the default mix,
#   white noise of -20 dBFS becomes 19.7 to 21.8 dB louder, with peaks of 4.7 to 5.9 times full
#   scale. The response falls by only 7.3 dB from 0.25 s to 1.94 s, and is then cut off:
#   the source has exp(-t / decay_seconds), and ends it at t = decay_seconds.
#
# Output seen (decay_seconds=2, 44.1 kHz; levels as RMS of the response over 0.1 s):
#   room_reverb : energy 34.0 dB; -13.0 dB at 0.25 s, 7.3 dB less at 1.94 s, below -120 dB at 2.06 s
#                 white noise, default mix: 19.7 dB louder, peak 4.7
#   hall_reverb : energy 34.0 dB; -13.0 dB at 0.25 s, 7.3 dB less at 1.94 s, below -120 dB at 2.06 s
#                 white noise, default mix: 21.8 dB louder, peak 5.9
#   plate_reverb: energy 34.0 dB; -13.0 dB at 0.25 s, 7.3 dB less at 1.94 s, below -120 dB at 2.06 s
#                 white noise, default mix: 20.4 dB louder, peak 5.1
#
# Exits with 1 if voxis behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps voxis==0.0.7
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from voxis import AudioClip

RATE = 44_100


def decibels(power):
    return 10.0 * np.log10(power + 1e-30)


impulse = np.zeros((3 * RATE, 1), dtype=np.float32)
impulse[0] = 1.0
noise = np.random.default_rng(0).normal(0.0, 0.1, (3 * RATE, 1)).astype(np.float32)
louder = {}
right = True
for name in ("room_reverb", "hall_reverb", "plate_reverb"):
    wet = getattr(AudioClip.from_array(impulse, RATE), name)(decay_seconds=2.0, mix=1.0)
    squares = wet.numpy()[:, 0].astype(float) ** 2
    energy = decibels(squares.sum())
    levels = [
        decibels(squares[int((t - 0.05) * RATE) : int((t + 0.05) * RATE)].mean())
        for t in (0.25, 1.94, 2.06)
    ]
    out = getattr(AudioClip.from_array(noise, RATE), name)(decay_seconds=2.0).numpy()
    louder[name] = decibels(out.var() / noise.var()), float(np.abs(out).max())
    print(
        f"{name:12}: energy {energy:.1f} dB; {levels[0]:.1f} dB at 0.25 s, "
        f"{levels[0] - levels[1]:.1f} dB less at 1.94 s, "
        f"{'below' if levels[2] < -120.0 else 'above'} -120 dB at 2.06 s"
    )
    print(
        f"{'':14}white noise, default mix: {louder[name][0]:.1f} dB louder, "
        f"peak {louder[name][1]:.1f}"
    )
    right &= abs(energy - 34.0) < 0.1 and abs(levels[0] + 13.0) < 0.1
    right &= abs(levels[0] - levels[1] - 7.3) < 0.1
    right &= levels[2] < -120.0
expected = [(19.7, 4.7), (21.8, 5.9), (20.4, 5.1)]
sys.exit(not (right and np.allclose(list(louder.values()), expected, atol=0.1)))
PYTHON
