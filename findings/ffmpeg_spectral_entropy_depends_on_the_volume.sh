#!/usr/bin/env bash
# FFmpeg's spectral entropy grows with the volume: white noise has 0.02 or 1.16, by its level.
#
# Program: FFmpeg 7.0.2 (in PyPI's imageio-ffmpeg 0.6.0, for Linux on x86-64), its audio filter
#   aspectralstats. Seen 2026-12-01; also in the source at GitHub (af_aspectralstats.c at 11b11577).
# Guess: spectral entropy is that of the spectrum divided by its sum, so it does not depend on the
#   volume. The filter divides by the logarithm of the number of bins, as usual, so that 1 is the
#   entropy of a flat spectrum. White noise is close to 1.
# Behaviour: the entropy of white noise goes from 0.02 at -60 dB to 1.16 at -20 dB. A loud tone has
#   as much as noise of -40 dB, though a tone is the opposite of noise. The source takes the
#   magnitudes as they are, without dividing by their sum. The flatness, centroid and crest of the
#   noise do not change.
# Cost: as a feature that tells noise from tones, it mostly tells loud from soft. Thresholds from
#   elsewhere do not fit. Workaround: flatness, also in the filter.
#
# Output seen (mean over 2 s, rate of 48 kHz, windows of 2048 samples):
#   sound             entropy   right   flatness   centroid   crest
#   noise of -60 dB      0.020    0.98       0.85   12028 Hz     3.1
#   noise of -40 dB      0.157    0.98       0.85   12028 Hz     3.1
#   noise of -20 dB      1.162    0.98       0.85   12028 Hz     3.1
#   tone  of  -3 dB      0.149    0.19       0.00    1000 Hz   451.6
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

RATE, SIZE = 48_000, 2048
KEYS = ("entropy", "flatness", "centroid", "crest")


def statistics(sound):
    """The means of what aspectralstats measures, without the first and last windows."""
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "f32le", "-ar", str(RATE), "-i", "-", "-af"]
    command += [f"aspectralstats=win_size={SIZE},ametadata=print:file=-", "-f", "null", "-"]
    data = sound.astype(np.float32).tobytes()
    text = subprocess.run(command, check=True, input=data, capture_output=True).stdout.decode()
    values = [re.findall(rf"aspectralstats\.1\.{key}=(\S+)", text) for key in KEYS]
    return np.array(values, float)[:, 4:-4].mean(axis=1)


def entropy(sound):
    """The mean entropy of the spectra, divided by their sums, relative to that of a flat one."""
    starts = range(4 * SIZE, len(sound) - 4 * SIZE, SIZE // 2)
    frames = np.array([sound[i : i + SIZE] for i in starts]) * np.hanning(SIZE)
    share = np.abs(np.fft.rfft(frames))[:, :-1] + 1e-12
    share /= share.sum(axis=1, keepdims=True)
    return -(share * np.log(share)).sum(axis=1).mean() / np.log(SIZE // 2)


noise = np.random.default_rng(1).standard_normal(2 * RATE)
tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
print("sound             entropy   right   flatness   centroid   crest")
seen = []
for name, sound, level in (
    ("noise", noise, -60),
    ("noise", noise, -40),
    ("noise", noise, -20),
    ("tone ", tone, -3),
):
    scaled = sound * 10 ** (level / 20)
    row = statistics(scaled)
    seen.append((row[0], entropy(scaled), *row[1:]))
    form = "{} of {:3} dB {:10.3f} {:7.2f} {:10.2f} {:7.0f} Hz {:7.1f}"
    print(form.format(name, level, *seen[-1]))
expected = [[0.020, 0.98], [0.157, 0.98], [1.162, 0.98], [0.149, 0.19]]
same = np.allclose(np.array(seen)[:, :2], expected, atol=0.008)
sys.exit(not (same and np.ptp(np.array(seen)[:3, 2:], axis=0).max() < 0.05))
PYTHON
