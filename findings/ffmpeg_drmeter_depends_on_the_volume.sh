#!/usr/bin/env bash
# FFmpeg's drmeter depends on the volume: noise has a range of 11 dB, or of 4.3 dB if it is softer.
#
# Program: FFmpeg 7.0.2 (in PyPI's imageio-ffmpeg 0.6.0, for Linux on x86-64), its audio filter
#   drmeter. Seen 2026-12-01; also in the source at GitHub (af_drmeter.c at 18ec426a).
# Guess: the filter "measures audio dynamic range", as the DR meter does: the second highest peak,
#   divided by the RMS of the loudest fifth of all blocks of 3 s. This is a ratio, so it does not
#   depend on the volume. A steady sine has 0 dB.
# Behaviour: a sine has -7.2 dB. Noise of -14 dB has 11 dB, but it has 7.5 dB if it is 20 dB softer,
#   and 4.3 dB if it is 32 dB softer. The source counts blocks in steps of 1/10,000 of full scale.
#   It sums up all blocks of a step that it reaches, and divides by a fifth of all blocks. So where
#   many blocks have nearly the same level, the RMS is too high.
# Cost: soft or even sounds pass for heavily compressed ones: the documentation calls less than 8 dB
#   "very compressed". Workaround: scale a soft sound up before.
#
# Output seen (61 s, rate of 48 kHz):
#   sound             drmeter      right
#   noise of -14 dB   11.0 dB    11.0 dB
#   noise of -34 dB    7.5 dB    11.0 dB
#   noise of -46 dB    4.3 dB    11.0 dB
#   sine  of -20 dB   -7.2 dB     0.0 dB
#
# Exits with 1 if FFmpeg behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 imageio-ffmpeg==0.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import re
import subprocess
import sys

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

RATE, SECONDS = 48_000, 61


def meter(sound):
    """The dynamic range in dB that drmeter prints."""
    command = [get_ffmpeg_exe(), "-hide_banner", "-f", "f32le", "-ar", str(RATE), "-i", "-"]
    command += ["-af", "drmeter", "-f", "null", "-"]
    data = sound.astype(np.float32).tobytes()
    text = subprocess.run(command, check=True, input=data, capture_output=True).stderr.decode()
    return float(re.search(r"Overall DR: (\S+)", text)[1])


def true(sound):
    """The second highest peak over the RMS of the loudest fifth, in blocks of 3 s."""
    blocks = [sound[i : i + 3 * RATE] for i in range(0, len(sound), 3 * RATE)]
    peak = sorted(np.abs(b).max() for b in blocks)[-2]
    squares = sorted(2 * np.mean(b**2) for b in blocks)[-round(0.2 * len(blocks)) :]
    return 20 * np.log10(peak / np.sqrt(np.mean(squares)))


noise = np.random.default_rng(1).standard_normal(SECONDS * RATE)
sine = np.sin(2 * np.pi * 1000 * np.arange(SECONDS * RATE) / RATE)
print("sound             drmeter      right")
seen, right = [], []
for name, sound, level in (
    ("noise", noise, -14),
    ("noise", noise, -34),
    ("noise", noise, -46),
    ("sine ", sine, -20),
):
    scaled = sound * 10 ** (level / 20)
    seen.append(meter(scaled))
    right.append(abs(true(scaled)))
    print(f"{name} of {level} dB {seen[-1]:6.1f} dB {right[-1]:7.1f} dB")
same = np.allclose(seen, [10.96, 7.50, 4.28, -7.20], atol=0.05)
sys.exit(not (same and np.allclose(right, [11.01, 11.01, 11.01, 0], atol=0.01)))
PYTHON
