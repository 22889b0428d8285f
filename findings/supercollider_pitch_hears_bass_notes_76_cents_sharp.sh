#!/usr/bin/env bash
# SuperCollider's Pitch hears steady bass notes up to 76 cents sharp at its default settings.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: scsynth 3.13.0 (Debian's supercollider-server 1:3.13.0+repack-1), rendered offline. Seen
#   in December 2026. The newest source at GitHub (9ca19ee861, after 3.14.0) has the same code.
# Guess: by its help, the default settings can be used for most purposes, and a fine search and
#   three values around the peak give the pitch. So a steady sine or saw is heard to a few cents.
# Behaviour: at the default block of 64 samples, the notes here are up to 76 cents sharp or 45 cents
#   flat. By the source, Pitch indexes a pointer that is made for pre-increments, so it starts one
#   sample too early: it takes the first sample of each block from the memory before its input.
#   With blocks of 512 samples, there are fewer such clicks, and each saw here is right within
#   0.2 cents. With blocks of 16 samples, the errors of the saw at 48 kHz are nearly those
#   with 64.
# Cost: a tuner or a pitch follower is wrong by up to three quarters of a semitone in the bass.
#
# Output seen (median of the last half second, in cents off the note; default settings of Pitch):
#                                                          48 kHz, saw, blocks of
#   note       Hz   44.1 kHz: sine    saw   48 kHz: sine    saw       16      512
#   D2      73.42             72.4   71.7           36.8   36.2     36.8     -0.1
#   E2      82.41             76.2   75.2           19.3   18.4     19.1      0.0
#   G#2    103.83              1.2   -0.1           54.1   52.8     54.0      0.1
#   A2     110.00             74.0   -0.1          -45.3  -43.9    -45.2      0.1
#
# Exits with 1 if scsynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download supercollider-server=1:3.13.0+repack-1 \
    libscsynth1=1:3.13.0+repack-1 libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 \
    libfftw3-single3=3.3.10-1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
mkdir plugins
cp usr/lib/SuperCollider/plugins/{DelayUGens,IOUGens,LFUGens}.so plugins
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


NOTES = {"D2": 38, "E2": 40, "G#2": 44, "A2": 45}
HERTZ = {name: 440 * 2 ** ((note - 69) / 12) for name, note in NOTES.items()}


def hear(rate, saw=False, block=64):
    """Plays each note for a second; the median of its last half, in cents off the note."""
    sounds = []
    for frequency in HERTZ.values():
        orders = np.arange(1, int(0.4 * rate / frequency)) if saw else np.array([1])
        waves = np.sin(2 * np.pi * frequency / rate * np.outer(np.arange(rate), orders))
        sounds.append(0.3 * (waves / orders).sum(axis=1))
    settings = [440.0, 60.0, 4000.0, 100.0, 16.0, 1.0, 0.01, 0.5, 1.0, 0.0]  # the defaults
    units = [("In", 2, [1.0], 1), ("Pitch", 1, [(0, 0), *settings], 2)]
    units += [("K2A", 2, [(1, 0)], 1), ("Out", 2, [0.0, (2, 0)], 0)]
    pitch = render(units, np.concatenate(sounds), rate, block)[: rate * len(NOTES)]
    heard = np.median(pitch.reshape(len(NOTES), rate)[:, rate // 2 :], axis=1)
    return 1200 * np.log2(heard / list(HERTZ.values()))


cases = [(44_100, False), (44_100, True), (48_000, False), (48_000, True)]
cases += [(48_000, True, 16), (48_000, True, 512)]
seen = np.transpose([hear(*case) for case in cases])
print(" " * 55 + "48 kHz, saw, blocks of")
print("note       Hz   44.1 kHz: sine    saw   48 kHz: sine    saw       16      512")
for (name, frequency), row in zip(HERTZ.items(), seen, strict=True):
    numbers = "{:16.1f} {:6.1f} {:14.1f} {:6.1f} {:8.1f} {:8.1f}".format(*row)
    print(f"{name:4} {frequency:8.2f} {numbers}")
expected = [[72.4, 71.7, 36.8, 36.2, 36.8, -0.1], [76.2, 75.2, 19.3, 18.4, 19.1, 0.0]]
expected += [[1.2, -0.1, 54.1, 52.8, 54.0, 0.1], [74.0, -0.1, -45.3, -43.9, -45.2, 0.1]]
sys.exit(not np.allclose(seen, expected, atol=0.1))
PYTHON
