#!/usr/bin/env bash
# Aubio's default pitch method hears a low sine sharp, and many notes above 1.3 kHz octaves low.
#
# Library: aubio-ledfx 0.4.12 (PyPI), the maintained build of aubio; aubio.pitch("default").
# Guess: a frame of 2,048 samples at 44.1 kHz holds five periods of 110 Hz, so aubio.pitch hears a
#   sine and a saw within 5 cents from there to 3 kHz, as its own method "yin" does.
# Behaviour: the default is "yinfft". It hears a sine of 110 Hz 78 cents sharp, and one of 55 Hz 3
#   semitones; a saw is right. (It weights the spectrum like an ear before it looks for the period.
#   The weight is steep in the bass, and so moves the wide peak of a lone partial upward.) From
#   1.3 kHz it hears many notes an octave or a twelfth too low. It takes the lowest dip of the
#   whole frame, not the first deep one, and two or three periods are often nearer to a whole number
#   of samples. So a sub bass is out of tune, and a whistle is in the wrong octave. "yin" is right.
#
# Output seen (median pitch off, in cents):
#                 default         yin
#                sine    saw    sine    saw
#       55 Hz     292      0       0      0
#       82 Hz     136      0       0      0
#      110 Hz      78      0       0      0
#      220 Hz      16      0       0      0
#      880 Hz       1      1       0      1
#     1319 Hz       1  -1200       0      2
#     1500 Hz       1  -1200       1      3
#     2500 Hz   -1902  -1902       1     -3
#     3000 Hz   -1901  -1901       2     -3
#
# Exits with 1 if aubio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aubio-ledfx==0.4.12 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import aubio
import numpy as np

RATE, FRAME, HOP = 44_100, 2048, 512
TIME = np.arange(RATE) / RATE


def tone(hz, harmonics):
    phase = 2 * np.pi * hz * TIME
    return (0.3 * sum(np.sin(k * phase) / k for k in range(1, harmonics + 1))).astype(np.float32)


def off(method, sound, hz):
    tracker = aubio.pitch(method, FRAME, HOP, RATE)
    heard = [tracker(sound[i : i + HOP])[0] for i in range(0, RATE - HOP, HOP)]
    return 1200 * np.log2(np.median(heard[10:]) / hz)  # without the frames that begin in silence


print(f"{'default':>23s}{'yin':>12s}\n{'sine':>19s}{'saw':>7s}{'sine':>8s}{'saw':>7s}")
rows = {}
for hz in (55, 82, 110, 220, 880, 1319, 1500, 2500, 3000):
    sounds = tone(hz, 1), tone(hz, int(20_000 / hz))
    rows[hz] = [off(method, sound, hz) for method in ("default", "yin") for sound in sounds]
    a, b, c, d = (round(value) for value in rows[hz])
    print(f"{hz:8d} Hz{a:8d}{b:7d}{c:8d}{d:7d}")
sharp = 250 < rows[55][0] < 350 and 60 < rows[110][0] < 100 and abs(rows[110][1]) < 5
low = all(value < -1190 for value in (rows[1500][1], *rows[2500][:2], *rows[3000][:2]))
right = all(abs(value) < 5 for row in rows.values() for value in row[2:])
sys.exit(not (sharp and low and right))
PYTHON
