#!/usr/bin/env bash
# SuperCollider's BMoog has a high-pass that boosts the bass, and a band-pass that lets it pass.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: sc3-plugins 3.9.1 (Debian's sc3-plugins-server 3.9.1~repack-4+b1) in scsynth 3.13.0. Seen
#   in December 2026. The newest source at GitHub (6604734) is the same.
# Guess: BMoog is a "24db/oct rolloff - 4nd order resonant Low/High/Band Pass Filter". So the
#   high-pass and the band-pass (modes 1 and 2) remove 20 Hz if the cutoff is 1 kHz.
# Behaviour: at a cutoff of 1 kHz and the default q of 0.2, the high-pass boosts 20 Hz by 2.4 dB and
#   500 Hz by 8.3 dB. The band-pass has 20 Hz only 5.8 dB below 1 kHz. By the source, the high-pass
#   is the input minus the low-pass. The low-pass has 12 dB at 20 Hz and a q of 0, instead of 0 dB.
# Cost: a high-pass that is meant to clean up the bass makes it louder. The low-pass at a q of 0.2
#   makes 20, 100 and 500 Hz 7.3 to 8.6 dB louder.
#
# Output seen (cutoff 1 kHz, response to an impulse of 0.01, rate of 48 kHz):
#   mode          q     20    100    500   1000   2000   4000 Hz
#   low-pass    0.0   12.0   11.8    8.5    0.8  -14.6  -36.0 dB
#   low-pass    0.2    7.3    7.4    8.6    2.7  -14.6  -36.1 dB
#   high-pass   0.0    9.4    9.5    9.6    6.4    0.7   -0.1 dB
#   high-pass   0.2    2.4    2.8    8.3    7.5    0.6   -0.1 dB
#   band-pass   0.0   -0.1    0.1    1.8   -0.9  -10.6  -25.9 dB
#   band-pass   0.2   -4.8   -4.3    1.9    1.0  -10.6  -25.9 dB
#
# Exits with 1 if BMoog behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download supercollider-server=1:3.13.0+repack-1 \
    sc3-plugins-server=3.9.1~repack-4+b1 libscsynth1=1:3.13.0+repack-1 \
    libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 libfftw3-single3=3.3.10-1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
mkdir plugins
cp usr/lib/SuperCollider/plugins/{BlackrainUGens,IOUGens,LFUGens}.so plugins
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
FREQUENCIES = np.array([20, 100, 500, 1000, 2000, 4000])
MODES = {"low-pass": 0.0, "high-pass": 1.0, "band-pass": 2.0}


def gains(q, mode):
    """The gain in dB at some frequencies, of a soft impulse through a filter of 1 kHz."""
    sound = np.zeros(RATE)
    sound[RATE // 10] = 0.01
    units = [("In", 2, [1.0], 1), ("BMoog", 2, [(0, 0), 1000.0, q, mode], 1)]
    output = render([*units, ("Out", 2, [0.0, (1, 0)], 0)], sound, RATE)[: len(sound)]
    return 20 * np.log10(np.abs(np.fft.rfft(output / 0.01))[FREQUENCIES])


print("mode          q" + "".join(f"{frequency:7d}" for frequency in FREQUENCIES) + " Hz")
seen = []
for name, mode in MODES.items():
    for q in (0.0, 0.2):
        seen.append(gains(q, mode))
        print(f"{name:10} {q:4.1f}" + "".join(f"{gain:7.1f}" for gain in seen[-1]) + " dB")
expected = [[12.0, 11.8, 8.5, 0.8, -14.6, -36.0], [7.3, 7.4, 8.6, 2.7, -14.6, -36.1]]
expected += [[9.4, 9.5, 9.6, 6.4, 0.7, -0.1], [2.4, 2.8, 8.3, 7.5, 0.6, -0.1]]
expected += [[-0.1, 0.1, 1.8, -0.9, -10.6, -25.9], [-4.8, -4.3, 1.9, 1.0, -10.6, -25.9]]
sys.exit(not np.allclose(np.array(seen), expected, atol=0.3))
PYTHON
