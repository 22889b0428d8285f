#!/usr/bin/env bash
# Pedalboard reads the encoder's silence at both ends of an mp3 file, where soundfile leaves it out.
#
# Library: pedalboard 0.9.26 and soundfile 0.14.0 (PyPI), read and write sound files.
# Guess: an mp3 file with an information frame (LAME's, with the encoder's delay and padding) is
#   read without them, so that sound starts where it did and is as long as it was, in both
#   libraries.
# Behaviour: pedalboard gives 1,105 samples (25 ms) before the first one of the original, and pads
#   the end to whole mp3 frames: 46,080 samples of 44,100, also for a file that pedalboard wrote.
#   soundfile gives 44,100, without a shift. A mixed pipeline, such as reading with one and
#   augmenting with the other, has onsets that differ by 25 ms, and labels in seconds drift with
#   each pass through mp3.
#
# Output seen (samples, and how late the click comes, of a second at 44.1 kHz):
#   written by soundfile: pedalboard 46080, 1105 late; soundfile 44100, 0 late
#   written by pedalboard: pedalboard 46080, 1105 late; soundfile 44100, 0 late
#   after 3 passes through pedalboard: pedalboard 48384, 3315 late
#
# Exits with 1 if either library behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 soundfile==0.14.0 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import soundfile
from pedalboard.io import AudioFile

RATE = 44_100
burst = np.zeros(RATE, np.float32)
wave = np.random.default_rng(0).standard_normal(2000) * np.hanning(2000)
burst[10_000:12_000] = 0.1 * np.convolve(wave, np.hanning(15), "same")


def late(audio):
    size = 2 * max(len(audio), RATE)
    likeness = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(burst, size).conj())
    return len(audio), (int(np.argmax(likeness)) + size // 2) % size - size // 2


def read(name):
    with AudioFile(name) as file:
        return file.read(file.frames)[0]


def write(name, audio):
    with AudioFile(name, "w", RATE, 1) as file:
        file.write(audio[None])


soundfile.write("soundfile.mp3", burst, RATE)
write("pedalboard.mp3", burst)
seen = []
for name in ("soundfile", "pedalboard"):
    ours, theirs = late(read(f"{name}.mp3")), late(soundfile.read(f"{name}.mp3")[0])
    print(f"written by {name}: pedalboard {ours[0]}, {ours[1]} late; "
          f"soundfile {theirs[0]}, {theirs[1]} late")
    seen += [ours, theirs]
audio = burst
for _ in range(3):
    write("passes.mp3", audio)
    audio = read("passes.mp3")
passes = late(audio)
print(f"after 3 passes through pedalboard: pedalboard {passes[0]}, {passes[1]} late")
sys.exit(seen != 2 * [(46_080, 1105), (RATE, 0)] or passes[1] != 3 * 1105)
PYTHON
