#!/usr/bin/env bash
# SuperCollider's triangle BlitB3Tri is 26 dB softer at 3.2 kHz than at 100 Hz.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: sc3-plugins 3.9.1 (Debian's sc3-plugins-server 3.9.1~repack-4+b1) in scsynth 3.13.0. Seen
#   in December 2026. The newest source at GitHub (6604734) is the same.
# Guess: a band-limited triangle between -1 and 1 at each pitch, like LFTri. The help warns of
#   aliasing above 5 kHz, of costs and of "distortion issues", but not of a level that depends on
#   the pitch.
# Behaviour: with the default leaks of 0.99, the fundamental falls from 17.8 dB at 100 Hz to
#   -8.5 dB at 3.2 kHz, where LFTri has -1.8 dB throughout. Its peak at 100 Hz is 6.96. By the
#   source, the scale factor is 0.25 at each frequency; a comment calls that "pretty uniform".
# Cost: low notes clip, and each note of a melody has a different level. Workaround: LFTri.
#
# Output seen (peak, and level of the fundamental; 48 kHz):
#   oscillator          100 Hz          400 Hz         1600 Hz         3200 Hz
#   BlitB3Tri    6.96  17.8 dB   3.42   9.4 dB   0.90  -2.3 dB   0.43  -8.5 dB
#   LFTri        1.00  -1.8 dB   1.00  -1.8 dB   0.93  -1.8 dB   0.93  -1.8 dB
#
# Exits with 1 if BlitB3Tri behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download supercollider-server=1:3.13.0+repack-1 \
    sc3-plugins-server=3.9.1~repack-4+b1 libscsynth1=1:3.13.0+repack-1 \
    libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 libfftw3-single3=3.3.10-1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
mkdir plugins
cp usr/lib/SuperCollider/plugins/{AntiAliasingOscillators,IOUGens,LFUGens}.so plugins
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
FREQUENCIES = [100, 400, 1600, 3200]


def level(oscillator, frequency):
    """The peak and the level of the fundamental in dB, in the second of two seconds."""
    units = [(*oscillator, 1), ("Out", 2, [0.0, (0, 0)], 0)]
    sound = render(units, np.zeros(2 * RATE), RATE)[RATE : 2 * RATE]
    return np.abs(sound).max(), 20 * np.log10(2 * np.abs(np.fft.rfft(sound)[frequency]) / RATE)


print("oscillator" + "".join(f"{frequency:13d} Hz" for frequency in FREQUENCIES))
seen = {}
for name, settings in {"BlitB3Tri": [0.99, 0.99], "LFTri": [0.0]}.items():
    seen[name] = [level((name, 2, [float(f), *settings]), f) for f in FREQUENCIES]
    print(f"{name:9} " + "".join("{:7.2f} {:5.1f} dB".format(*pair) for pair in seen[name]))
levels = {name: [pair[1] for pair in pairs] for name, pairs in seen.items()}
same = np.allclose(levels["BlitB3Tri"], [17.8, 9.4, -2.3, -8.5], atol=0.15)
same &= np.allclose(levels["LFTri"], -1.8, atol=0.1)
peaks = [seen["BlitB3Tri"][0][0], seen["LFTri"][0][0]]
sys.exit(not (same and np.allclose(peaks, [6.96, 1.0], atol=0.03)))
PYTHON
