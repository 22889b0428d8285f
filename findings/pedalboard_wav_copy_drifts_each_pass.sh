#!/usr/bin/env bash
# A 16-bit wav file that pedalboard reads and writes is louder afterwards, and again with each pass.
#
# Library: pedalboard 0.9.26 (PyPI), reads and writes sound files; soundfile 0.14.0 looks at them.
# Guess: reading a 16-bit file as float and writing it as 16 bits without a change in between gives
#   the same samples, as it does with soundfile.
# Behaviour: half of all values move by one step away from 0, those of more than half of full scale;
#   a second pass moves them once more. pedalboard reads an integer n as n / 32767, so -32768
#   becomes -1.00003, and writes a sample s as s * 32768, rounded. 24 bits do the same in steps of
#   24 bits, and FLAC does too. So files do not come out bit-exact, checksums of unchanged audio
#   differ, and samples of two readers differ by 3e-5. (An int16 array is written as it is: read
#   with read_raw.)
#
# Output seen (of all 65536 values, how many differ from the original, and by how much at most):
#   pass 1: pedalboard 32767 by 1, soundfile 0 by 0
#   pass 2: pedalboard 32767 by 2, soundfile 0 by 0
#   pass 3: pedalboard 32767 by 3, soundfile 0 by 0
#   least sample as read: pedalboard -1.0000305, soundfile -1.0000000
#
# Exits with 1 if pedalboard behaves differently.
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
every = np.arange(-32768, 32768).astype(np.int16)
soundfile.write("pedalboard.wav", every, RATE)
soundfile.write("soundfile.wav", every, RATE)


def copy_by_pedalboard():
    with AudioFile("pedalboard.wav") as file:
        audio = file.read(file.frames)
    with AudioFile("pedalboard.wav", "w", RATE, 1, bit_depth=16) as file:
        file.write(audio)
    return audio.min()


def copy_by_soundfile():
    audio, _ = soundfile.read("soundfile.wav", dtype="float32")
    soundfile.write("soundfile.wav", audio, RATE, subtype="PCM_16")
    return audio.min()


def difference(name):
    off = np.abs(soundfile.read(name, dtype="int16")[0].astype(int) - every)
    return int((off > 0).sum()), int(off.max())


seen = []
for number in (1, 2, 3):
    least = copy_by_pedalboard(), copy_by_soundfile()
    ours, theirs = difference("pedalboard.wav"), difference("soundfile.wav")
    print(f"pass {number}: pedalboard {ours[0]} by {ours[1]}, soundfile {theirs[0]} by {theirs[1]}")
    seen.append((ours[0] > 30_000, ours[1], theirs))
print(f"least sample as read: pedalboard {least[0]:.7f}, soundfile {least[1]:.7f}")
sys.exit(seen != [(True, 1, (0, 0)), (True, 2, (0, 0)), (True, 3, (0, 0))])
PYTHON
