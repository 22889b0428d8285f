#!/usr/bin/env bash
# FFmpeg's blue and violet noise are white: they are flat from 400 Hz to 3.2 kHz.
#
# Program: FFmpeg 7.0.2 (in PyPI's imageio-ffmpeg 0.6.0, for Linux on x86-64), its audio source
#   anoisesrc. Seen 2026-12-01; also in the source at GitHub (asrc_anoisesrc.c at 086a0f3e).
# Guess: the documentation lists the colors "white, pink, brown, blue, violet and velvet". Blue
#   noise rises by 3 dB per octave and violet noise by 6 dB; pink and brown noise fall as much.
# Behaviour: up to 3.2 kHz, blue and violet noise are flat within 0.3 dB. They only rise in the last
#   octaves, at a rate of 48 kHz. By the source, the feedback of the filters has the opposite sign,
#   which turns their spectrum around at a quarter of the rate. So at 24 kHz - f, blue noise has
#   about what pink noise has at f.
# Cost: dither or a test signal that should spare the bass has as much of it as white noise.
#
# Output seen (power per hertz in dB in bands of half an octave, 40 s of noise at 48 kHz):
#              400    800   1600   3200   6400  12800 Hz   per octave up to 6.4 kHz
#   white      0.0   -0.1   -0.0    0.0   -0.0   -0.0         0.0 dB, should be  0 dB
#   pink       0.0   -3.1   -6.1   -9.0  -12.1  -15.1        -3.0 dB, should be -3 dB
#   brown      0.0   -5.7  -11.5  -17.4  -23.3  -28.5        -5.8 dB, should be -6 dB
#   blue       0.0   -0.0    0.1    0.3    0.3    0.8         0.1 dB, should be  3 dB
#   violet     0.0   -0.0    0.0    0.2    0.8    3.8         0.2 dB, should be  6 dB
#   blue at 24 kHz - f and pink at f, for f from 0.5 to 20 kHz: at most 1.5 dB apart
#
# Exits with 1 if FFmpeg behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 imageio-ffmpeg==0.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe

RATE, SIZE = 48_000, 4096
BANDS = 400 * 2.0 ** np.arange(6)
FREQUENCY = np.arange(SIZE // 2 + 1) * RATE / SIZE


def spectrum(color):
    """The power per frequency, as a mean over windows of 85 ms."""
    source = f"anoisesrc=color={color}:duration=40:sample_rate={RATE}:seed=1:amplitude=0.5"
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, "-f", "f64le", "-"]
    sound = np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout)
    frames = sound[: len(sound) // SIZE * SIZE].reshape(-1, SIZE) * np.hanning(SIZE)
    return np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)


def band(power, center, edge=2**0.25):
    inside = (FREQUENCY > center / edge) & (FREQUENCY < center * edge)
    return 10 * np.log10(power[inside].mean())


print("       ", *(f"{center:6.0f}" for center in BANDS), "Hz   per octave up to 6.4 kHz")
seen, slopes = {}, {}
for color, slope in (("white", 0), ("pink", -3), ("brown", -6), ("blue", 3), ("violet", 6)):
    seen[color] = spectrum(color)
    levels = np.array([band(seen[color], center) for center in BANDS])
    levels -= levels[0]
    slopes[color] = np.polyfit(np.arange(5), levels[:5], 1)[0]
    row = " ".join(f"{level:6.1f}" for level in levels)
    print(f"{color:7} {row} {slopes[color]:11.1f} dB, should be {slope:2} dB")
inside = (FREQUENCY > 500) & (FREQUENCY < 20_000)
ratio = 10 * np.log10(seen["blue"][::-1] / seen["pink"])[inside]
apart = np.abs(np.convolve(ratio, np.ones(9) / 9, "valid")).max()
print(f"blue at 24 kHz - f and pink at f, for f from 0.5 to 20 kHz: at most {apart:.1f} dB apart")
same = np.allclose([*slopes.values()], [0, -3, -5.8, 0.1, 0.2], atol=0.2) and apart < 2
sys.exit(not same)
PYTHON
