#!/usr/bin/env bash
# Csound's notch filter areson boosts its center frequency, and has no notch.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: Csound 6.18.1 (Debian's csound 1:6.18.1+dfsg-1). Seen in December 2026; a later source at
#   GitHub (916538202, October 2024) is the same.
# Guess: the manual calls areson "a notch filter whose transfer functions are the complements of the
#   reson opcode". reson with iscl = 1 has a gain of 0 dB at its center. So areson removes it there.
# Behaviour: areson boosts its center by 1.0 to 2.7 dB here if iscl is 1, by 24.8 dB if it is 2 and
#   by 61.4 dB if it is 0, the default. areson plus reson is the input (twice the input if iscl is
#   2), much as the manual says. But reson turns the phase at its center by 69 to 86 degrees here,
#   so the input minus reson has no notch there.
# Known: AudioKit's pull request 224 (2015) cites Csound's mailing list for areson being like reson
#   if iscl is 0, and sets iscl to 1 to avoid that. That makes areson softer, but gives no notch.
# Cost: areson does not remove a hum or a resonance, but makes it louder.
#
# Output seen (response to a click at 48 kHz; arguments are center, bandwidth and iscl):
#   reson, areson             reson at center    areson at center   lowest areson    sum
#   200, 20, 1              -0.0 dB  -86 deg          2.7 dB     -4.7 dB at   184 Hz -0.0 dB
#   1000, 50, 1             -0.0 dB  -81 deg          2.3 dB     -5.2 dB at   964 Hz  0.0 dB
#   1000, 500, 1            -0.0 dB  -69 deg          1.0 dB     -7.2 dB at   635 Hz -0.0 dB
#   1000, 50, 2             24.9 dB  -81 deg         24.8 dB    -32.2 dB at   752 Hz  6.0 dB
#   1000, 50, 0             61.4 dB  -81 deg         61.4 dB     -2.5 dB at 24000 Hz -0.0 dB
#
# Exits with 1 if Csound behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download csound=1:6.18.1+dfsg-1 \
    libcsound64-6.0=1:6.18.1+dfsg-1 libsamplerate0=0.2.2-3 libjack-jackd2-0=1.9.21~dfsg-3 \
    liblo7=0.31-1 libportaudio2=19.6.0-1.2 libportmidi0=1:217-6.1
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
libraries="$folder/usr/lib/x86_64-linux-gnu"
LD_LIBRARY_PATH="$libraries" OPCODE6DIR64="$libraries/csound/plugins64-6.0" HOME="$folder" \
    "$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import numpy as np

RATE = 48_000


def response(opcode):
    """The complex gain per hertz, of a click through an opcode of Csound."""
    with open("a.orc", "w") as file:
        file.write(f"sr={RATE}\nksmps=1\nnchnls=1\n0dbfs=1\ninstr 1\nain mpulse 1, 0\n")
        file.write(f"aout {opcode}\nout aout\nendin\n")
    with open("a.sco", "w") as file:
        file.write("i1 0 1\n")
    options = ["-d", "-h", "-f", "-o", "out.raw"]  # a raw file of floats
    subprocess.run(["usr/bin/csound", *options, "a.orc", "a.sco"], check=True, capture_output=True)
    return np.fft.rfft(np.fromfile("out.raw", "<f4", RATE).astype(float))


def decibels(gain):
    return 20 * np.log10(np.abs(gain))


print("reson, areson             reson at center    areson at center   lowest areson    sum")
seen = []
for values in ("200, 20, 1", "1000, 50, 1", "1000, 500, 1", "1000, 50, 2", "1000, 50, 0"):
    reson, areson = response(f"reson ain, {values}"), response(f"areson ain, {values}")
    center, low = int(values.split(",")[0]), np.argmin(np.abs(areson))
    total = (reson + areson)[10:-10]
    row = [decibels(reson[center]), np.angle(reson[center], deg=True), decibels(areson[center])]
    seen.append([*row, decibels(areson[low]), low, *decibels([np.min(total), np.max(total)])])
    form = "{:5.1f} dB {:4.0f} deg {:12.1f} dB {:8.1f} dB at {:5} Hz {:4.1f} dB"
    print(f"{values:22} {form.format(*seen[-1][:6])}")
expected = [[0, -86, 2.7, -4.7], [0, -81, 2.3, -5.2], [0, -69, 1.0, -7.2]]
expected += [[24.9, -81, 24.8, -32.2], [61.4, -81, 61.4, -2.5]]
seen = np.array(seen)
same = np.allclose(seen[:, :4], expected, atol=[0.1, 1, 0.1, 0.1])
same &= np.allclose(seen[:, 5:], np.array([[0], [0], [0], [6.02], [0]]), atol=0.01)
sys.exit(not (same and np.array_equal(seen[:, 4], [184, 964, 635, 752, 24000])))
PYTHON
