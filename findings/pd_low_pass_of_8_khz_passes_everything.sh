#!/usr/bin/env bash
# Pd's lop~ of 8 kHz passes everything, and at a setting of 4 kHz it is 3 dB down at 5.9 to 6.3 kHz.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: Pure Data 0.53.1 (Debian's puredata-core 0.53.1+ds-2+deb12u1), in batch mode. Seen in
#   December 2026. The newest source at GitHub (203bc094, after 0.56-5) has the same coefficient.
# Guess: a low-pass of one pole. By example H01, "at the cutoff frequency the gain is about -3 dB".
# Behaviour: the -3 dB frequency is 7 to 8 % too high at 1 kHz and 49 to 58 % too high at 4 kHz, and
#   there is none at 8 kHz: all passes. By the source, the coefficient is 2 pi f / rate, at most 1.
#   At 1 the output is the input.
# Cost: a soft low-pass for the treble does nothing. Another rate gives another cutoff.
#
# Output seen (response to a click):
#   rate       lop~   -3 dB at     at 20 kHz
#   44100 Hz   100 Hz     101 Hz      -42.8 dB
#   44100 Hz  1000 Hz    1081 Hz      -22.2 dB
#   44100 Hz  2000 Hz    2377 Hz      -15.5 dB
#   44100 Hz  4000 Hz    6310 Hz       -7.9 dB
#   44100 Hz  6000 Hz    nowhere       -2.5 dB
#   44100 Hz  8000 Hz    nowhere        0.0 dB
#   48000 Hz   100 Hz     101 Hz      -43.3 dB
#   48000 Hz  1000 Hz    1074 Hz      -22.8 dB
#   48000 Hz  2000 Hz    2337 Hz      -16.1 dB
#   48000 Hz  4000 Hz    5944 Hz       -8.7 dB
#   48000 Hz  6000 Hz   15457 Hz       -3.6 dB
#   48000 Hz  8000 Hz    nowhere        0.0 dB
#
# Exits with 1 if Pd behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download puredata-core=0.53.1+ds-2+deb12u1 \
    libportaudio2=19.6.0-1.2 libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" HOME="$folder" \
    "$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import numpy as np


def response(rate, name):
    """The gain in dB per frequency, of a click of 1 through an object of Pd."""
    lines = ["obj loadbang", "msg \\; pd dsp 1 \\; in 0 1", "obj delay 100", "obj t b b b"]
    lines += ["obj tabplay~ in", "obj tabwrite~ out", "obj delay 2500", "obj t b b"]
    lines += ["msg write -wave -bytes 4 out.wav out", "obj soundfiler", "msg \\; pd quit"]
    lines += ["obj table in 64", "obj table out 88200"]
    wires = ["0 0 1 0", "0 0 2 0", "2 0 3 0", "3 0 4 0", "3 1 5 0", "3 2 6 0", "6 0 7 0"]
    wires += ["7 1 8 0", "8 0 9 0", "7 0 10 0"]
    lines += [f"obj {name}"]
    wires += ["4 0 13 0", "13 0 5 0"]
    with open("patch.pd", "w") as file:
        file.write("#N canvas 0 0 450 300 12;\n")
        file.writelines("#X {} 0 0 {};\n".format(*line.split(" ", 1)) for line in lines)
        file.writelines(f"#X connect {wire};\n" for wire in wires)
    pd = ["usr/lib/puredata/bin/pd", "-nogui", "-batch", "-noprefs", "-r", str(rate)]
    subprocess.run([*pd, "-open", "patch.pd"], check=True, capture_output=True)
    with open("out.wav", "rb") as file:
        data = file.read()
    sound = np.frombuffer(data[data.index(b"data") + 8 :], "<f4", 88_200).astype(float)
    return 20 * np.log10(np.abs(np.fft.rfft(sound, 1 << 18)) + 1e-9)


def measure(rate, setting):
    """The -3 dB frequency of lop~ in Hz, or None, and its gain in dB at 20 kHz."""
    gain = response(rate, f"lop~ {setting}")
    frequency = np.arange((1 << 17) + 1) * rate / (1 << 18)
    below = frequency[gain < -3.0103]
    return (below[0] if len(below) else np.nan), np.interp(20_000, frequency, gain)


print("rate       lop~   -3 dB at     at 20 kHz")
seen = []
for rate in (44_100, 48_000):
    for setting in (100, 1000, 2000, 4000, 6000, 8000):
        seen.append(measure(rate, setting))
        limit = "nowhere" if np.isnan(seen[-1][0]) else f"{seen[-1][0]:.0f} Hz"
        print(f"{rate} Hz {setting:5} Hz {limit:>10} {seen[-1][1]:10.1f} dB")
expected = [[101, -42.8], [1081, -22.2], [2377, -15.5], [6310, -7.9], [np.nan, -2.5], [np.nan, 0]]
expected += [[101, -43.3], [1074, -22.8], [2337, -16.1], [5944, -8.7], [15457, -3.6], [np.nan, 0]]
expected, seen = np.transpose(expected), np.transpose(seen)
same = np.allclose(seen[0], expected[0], atol=1, equal_nan=True)
sys.exit(not (same and np.allclose(seen[1], expected[1], atol=0.06)))
PYTHON
