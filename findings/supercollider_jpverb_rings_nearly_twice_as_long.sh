#!/usr/bin/env bash
# SuperCollider's JPverb rings nearly twice as long as its t60 says.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: sc3-plugins 3.9.1 (Debian's sc3-plugins-server 3.9.1~repack-4+b1) in scsynth 3.13.0. Seen
#   in December 2026. The newest Faust source at GitHub (6604734) has the same formula.
# Guess: t60 is the "approximate reverberation time in seconds (T60)" if damp is 0, as it is by
#   default. So t60 = 2 gives a decay by 60 dB in about 2 s.
# Behaviour: at 48 kHz and t60 = 2, a decay by 60 dB takes 3.35 to 4.01 s, depending on the size and
#   the frequency band, with all other settings at their defaults. By the source, the feedback
#   follows from a total delay of 0.17 s at size 1, a calibration constant.
# Cost: a reverb that is matched to a room's measured T60 rings nearly twice as long.
#
# Output seen (JPverbRaw, as JPverb.ar of a mono sound sets it up; 48 kHz, -5 to -35 dB, octaves):
#   size   t60     250 Hz    1 kHz    4 kHz   mean / t60
#    1.0  0.5 s     0.97 s   0.95 s   0.91 s      1.89
#    1.0  1.0 s     1.83 s   1.80 s   1.72 s      1.79
#    1.0  2.0 s     3.66 s   3.48 s   3.35 s      1.75
#    0.5  2.0 s     4.01 s   3.95 s   3.79 s      1.96
#    3.0  2.0 s     3.93 s   3.76 s   3.53 s      1.87
#
# Exits with 1 if JPverb behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download supercollider-server=1:3.13.0+repack-1 \
    sc3-plugins-server=3.9.1~repack-4+b1 libscsynth1=1:3.13.0+repack-1 \
    libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 libfftw3-single3=3.3.10-1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
mkdir plugins
cp usr/lib/SuperCollider/plugins/{JPverb,IOUGens,LFUGens}.so plugins
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


def decay_times(t60, size):
    """Seconds per 60 dB, from 5 to 35 dB below the start of the decay, in three octave bands."""
    sound = np.zeros(int(RATE * (5 * t60 + 1)))
    sound[0] = 1
    settings = [0.0, 0.707, 2000.0, 1.0, 500.0, 1.0, 0.1, 2.0, 1.0, size, t60]  # the defaults
    units = [("In", 2, [1.0], 1), ("JPverbRaw", 2, [(0, 0), (0, 0), *settings], 2)]
    wet = render([*units, ("Out", 2, [0.0, (1, 0)], 0)], sound, RATE)
    spectrum = np.fft.rfft(wet, 2 * len(wet))
    frequency = np.fft.rfftfreq(2 * len(wet), 1 / RATE) + 1e-9
    for band in (250, 1000, 4000):
        window = np.exp(-2 * np.log(2) * np.log2(frequency / band) ** 2)  # -3 dB at half an octave
        energy = np.fft.irfft(window * spectrum)[: len(wet)] ** 2
        level = 10 * np.log10(np.cumsum(energy[::-1])[::-1] / energy.sum() + 1e-30)
        yield 2 * (np.argmax(level < -35) - np.argmax(level < -5)) / RATE


print("size   t60     250 Hz    1 kHz    4 kHz   mean / t60")
seen = []
cases = [(1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (0.5, 2.0), (3.0, 2.0)]
for size, t60 in cases:
    times = list(decay_times(t60, size))
    seen.append([*times, np.mean(times) / t60])
    print("{:4.1f} {:4.1f} s {:8.2f} s {:6.2f} s {:6.2f} s {:9.2f}".format(size, t60, *seen[-1]))
expected = [[0.97, 0.95, 0.91, 1.89], [1.83, 1.80, 1.72, 1.79], [3.66, 3.48, 3.35, 1.75]]
expected += [[4.01, 3.95, 3.79, 1.96], [3.93, 3.76, 3.53, 1.87]]
sys.exit(not np.allclose(seen, expected, atol=0.04))
PYTHON
