#!/usr/bin/env bash
# Pd's bp~ and vcf~ have a band that is twice as wide as their Q says, and bp~ 1000 1 is a low-pass.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: Pure Data 0.53.1 (Debian's puredata-core 0.53.1+ds-2+deb12u1), in batch mode. Seen in
#   December 2026. The newest source at GitHub (203bc094, after 0.56-5) has the same bp~.
# Guess: bp~ is a "2-pole band-pass filter", and Q is the center frequency divided by the bandwidth.
#   By example H07, it "is designed to have roughly unit gain at the pass band". So bp~ 1000 1 has
#   0 dB at 1 kHz and falls towards 0 Hz.
# Behaviour: from a Q of 5 on, the band at -3 dB is about twice as wide. At a Q of 1, bp~ has its
#   maximum of 6 dB at 0 Hz, above the 5 dB at 1 kHz. By the source of bp~, the radius of the poles
#   is 1 - omega / Q, where 1 - omega / (2 Q) would give that Q.
# Cost: a filter whose Q comes from another program sounds too broad. At a low Q, an offset or a
#   rumble is amplified instead of removed.
#
# Output seen (center frequency 1 kHz, rate of 48 kHz):
#      Q   1 kHz / Q   bp~: width    0 Hz    1 kHz   vcf~: width    0 Hz    1 kHz
#      1     1000 Hz    1420.3 Hz   6.0 dB   5.0 dB     2295.2 Hz  -2.4 dB  -1.0 dB
#      2      500 Hz    1330.3 Hz   1.7 dB   3.2 dB     1048.3 Hz  -9.0 dB  -1.5 dB
#      5      200 Hz     423.5 Hz  -6.7 dB   1.5 dB      405.6 Hz -21.0 dB  -1.1 dB
#     10      100 Hz     203.1 Hz -13.2 dB   0.8 dB      201.4 Hz -30.4 dB  -0.7 dB
#     20       50 Hz     100.5 Hz -19.6 dB   0.4 dB      100.3 Hz -39.1 dB  -0.4 dB
#     50       20 Hz      39.9 Hz -27.8 dB   0.2 dB       40.1 Hz -49.5 dB  -0.2 dB
#   maximum of bp~ 1000 1: 6.0 dB at 0 Hz
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

RATE = 48_000
FREQUENCY = np.arange((1 << 17) + 1) * RATE / (1 << 18)


def response(*filters):
    """The gain in dB per frequency, of a click of 1 through Pd's filters (object, its input)."""
    lines = ["obj loadbang", "msg \\; pd dsp 1 \\; in 0 1", "obj delay 100", "obj t b b b"]
    lines += ["obj tabplay~ in", "obj tabwrite~ out", "obj delay 2500", "obj t b b"]
    lines += ["msg write -wave -bytes 4 out.wav out", "obj soundfiler", "msg \\; pd quit"]
    lines += ["obj table in 64", "obj table out 96000"]
    wires = ["0 0 1 0", "0 0 2 0", "2 0 3 0", "3 0 4 0", "3 1 5 0", "3 2 6 0", "6 0 7 0"]
    wires += ["7 1 8 0", "8 0 9 0", "7 0 10 0"]
    # From here on, object 13 is the filter; object 14, if any, sets its frequency.
    lines += [f"obj {name}" for name in filters]
    wires += ["4 0 13 0", "13 0 5 0"] + ["14 0 13 1"] * (len(filters) - 1)
    with open("patch.pd", "w") as file:
        file.write("#N canvas 0 0 450 300 12;\n")
        file.writelines("#X {} 0 0 {};\n".format(*line.split(" ", 1)) for line in lines)
        file.writelines(f"#X connect {wire};\n" for wire in wires)
    pd = ["usr/lib/puredata/bin/pd", "-nogui", "-batch", "-noprefs", "-r", str(RATE)]
    subprocess.run([*pd, "-open", "patch.pd"], check=True, capture_output=True)
    with open("out.wav", "rb") as file:
        data = file.read()
    sound = np.frombuffer(data[data.index(b"data") + 8 :], "<f4", 2 * RATE).astype(float)
    return 20 * np.log10(np.abs(np.fft.rfft(sound, 1 << 18)) + 1e-9)


def width(gain):
    """The distance in Hz between the frequencies 3 dB below the maximum."""
    return np.ptp(FREQUENCY[gain > gain.max() - 3.0103])


print("   Q   1 kHz / Q   bp~: width    0 Hz    1 kHz   vcf~: width    0 Hz    1 kHz")
seen = []
for q in (1, 2, 5, 10, 20, 50):
    row = []
    filters = [response(f"bp~ 1000 {q}"), response(f"vcf~ {q}", "sig~ 1000")]
    top = top if seen else (filters[0].max(), FREQUENCY[np.argmax(filters[0])])
    for gain in filters:
        row += [width(gain), gain[0], np.interp(1000, FREQUENCY, gain)]
    seen.append(row)
    form = "{:4} {:8.0f} Hz {:9.1f} Hz {:5.1f} dB {:5.1f} dB {:10.1f} Hz {:5.1f} dB {:5.1f} dB"
    print(form.format(q, 1000 / q, *row))
print("maximum of bp~ 1000 1: {:.1f} dB at {:.0f} Hz".format(*top))
expected = [[1420.3, 6.0, 5.0, 2295.2, -2.4, -1.0], [1330.3, 1.7, 3.2, 1048.3, -9.0, -1.5]]
expected += [[423.5, -6.7, 1.5, 405.6, -21.0, -1.1], [203.1, -13.2, 0.8, 201.4, -30.4, -0.7]]
expected += [[100.5, -19.6, 0.4, 100.3, -39.1, -0.4], [39.9, -27.8, 0.2, 40.1, -49.5, -0.2]]
same = np.allclose(seen, expected, atol=0.25) and np.allclose(top, [6.0, 0.0], atol=0.05)
sys.exit(not same)
PYTHON
