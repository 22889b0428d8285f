#!/usr/bin/env bash
# SuperCollider's RMS averages pi times as long as its low-pass frequency says.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: sc3-plugins 3.9.1 (Debian's sc3-plugins-server 3.9.1~repack-4+b1) in scsynth 3.13.0. Seen
#   in December 2026. The newest source at GitHub (6604734) is the same.
# Guess: by the help, RMS is the root of the squared input after a low-pass of the first order, and
#   lpFreq is the "lowpass frequency". So that low-pass is 3 dB down at lpFreq.
# Behaviour: the low-pass is 3 dB down at lpFreq / pi: a low-pass of 10 Hz is at 3.2 Hz. By the
#   source, its coefficient is 1 - 2 tan(f / rate), about 1 - 2 f / rate. It should be about
#   1 - 2 pi f / rate.
# Cost: a meter or compressor that uses RMS reacts pi times too slowly. Workaround: pass pi times
#   the frequency.
#
# Output seen (the squared response to a click, rate of 48 kHz):
#   lpFreq       low-pass at     lpFreq / pi
#       5 Hz         1.60 Hz         1.59 Hz
#      10 Hz         3.20 Hz         3.18 Hz
#      40 Hz        12.77 Hz        12.73 Hz
#     100 Hz        31.91 Hz        31.83 Hz
#
# Exits with 1 if RMS behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download supercollider-server=1:3.13.0+repack-1 \
    sc3-plugins-server=3.9.1~repack-4+b1 libscsynth1=1:3.13.0+repack-1 \
    libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 libfftw3-single3=3.3.10-1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
mkdir plugins
cp usr/lib/SuperCollider/plugins/{RMS,IOUGens,LFUGens}.so plugins
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
LD_LIBRARY_PATH="$folder/usr/lib:$folder/usr/lib/x86_64-linux-gnu" HOME="$folder" \
    "$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from struct import pack

import numpy as np


def text(string):
    return string.encode() + b"\0" * (4 - len(string) % 4)


def bundle(time, *messages):
    parts = [pack(">i", len(message)) + message for message in messages]
    packet = b"#bundle\0" + pack(">Q", int(time * 2**32)) + b"".join(parts)
    return pack(">i", len(packet)) + packet


def render(units, sound, rate, block=64):
    """Plays units (name, rate, inputs, number of outputs) that read bus 1 and write to bus 0.

    An input of a unit is a number, or a pair (unit, output)."""
    constants = sorted({v for unit in units for v in unit[2] if not isinstance(v, tuple)})
    synth = b"SCgf" + pack(f">ih2si{len(constants)}f", 2, 1, b"\1x", len(constants), *constants)
    synth += pack(">3i", 0, 0, len(units))
    for name, speed, inputs, count in units:
        synth += bytes([len(name)]) + name.encode()
        synth += pack(">biih", speed, len(inputs), count, 0)
        for v in inputs:
            synth += pack(">ii", *(v if isinstance(v, tuple) else (-1, constants.index(v))))
        synth += bytes([speed]) * count
    synth += pack(">h", 0)
    load = text("/d_recv") + text(",b") + pack(">i", len(synth)) + synth + b"\0" * (-len(synth) % 4)
    start = text("/s_new") + text(",siii") + text("x") + pack(">3i", 1, 0, 0)
    end = text("/c_set") + text(",if") + pack(">if", 0, 0)
    with open("score", "wb") as file:
        file.write(bundle(0, load, start) + bundle(len(sound) / rate, end))
    data = sound.astype("<f4").tobytes()
    form = pack("<4sIHHIIHH4sI", b"fmt ", 16, 3, 1, rate, 4 * rate, 4, 32, b"data", len(data))
    with open("in.wav", "wb") as file:
        file.write(b"RIFF" + pack("<I", 36 + len(data)) + b"WAVE" + form + data)
    command = ["usr/bin/scsynth", "-U", "plugins", "-i", "1", "-o", "1", "-z", str(block)]
    command += ["-N", "score", "in.wav", "out.wav", str(rate), "WAV", "float"]
    subprocess.run(command, check=True, capture_output=True)
    with open("out.wav", "rb") as file:
        data = file.read()
    return np.frombuffer(data[data.index(b"data") + 8 :], "<f4").astype(float)


RATE = 48_000


def cutoff(setting):
    """The -3 dB frequency of the low-pass in RMS, from its output for a click of 1."""
    sound = np.zeros(4 * RATE)
    sound[RATE // 10] = 1
    units = [("In", 2, [1.0], 1), ("RMS", 2, [(0, 0), setting], 1)]
    output = render([*units, ("Out", 2, [0.0, (1, 0)], 0)], sound, RATE)[: len(sound)]
    gain = np.abs(np.fft.rfft(output**2, 1 << 20)) / (output**2).sum()
    return np.argmax(gain < 0.5**0.5) * RATE / (1 << 20)


print("lpFreq       low-pass at     lpFreq / pi")
seen = {}
for setting in (5.0, 10.0, 40.0, 100.0):
    seen[setting] = cutoff(setting)
    print(f"{setting:5.0f} Hz {seen[setting]:12.2f} Hz {setting / np.pi:12.2f} Hz")
sys.exit(not np.allclose(list(seen.values()), np.array(list(seen)) / np.pi, rtol=0.012))
PYTHON
