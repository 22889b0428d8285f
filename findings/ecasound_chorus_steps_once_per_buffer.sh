#!/usr/bin/env bash
# ecasound's chorus does not detune: its delay jumps once per buffer and stays the same in between.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: ecasound 2.9.3 (Debian's ecasound 2.9.3-4+b1); the chorus -etc with delay time in ms,
#   variance in samples, feedback in % and LFO frequency in Hz. Seen in December 2026; the newest
#   source at GitHub (e64ec50) is the same.
#   The project's BUGS says that controllers such as -kos distort with large buffers. This is an
#   effect with an LFO of its own.
# Guess: a chorus sweeps its delay smoothly. With a variance of 100 samples at 2 Hz, its wet sound
#   is a vibrato without jumps.
# Behaviour: by the source, the LFO advances once per buffer, not once per sample. Within a buffer
#   the pitch is that of the input. Between two buffers the delay jumps.
# Cost: a sine at 48 kHz gets 45 jumps per second, and no vibrato, with the default buffer size. A
#   buffer of 256 samples only makes the jumps smaller and more frequent.
#
# Output seen (a sine of 440 Hz, amplitude 0.5, at 48 kHz; -ea:100 changes nothing; the chorus is
# all wet; "share" is the part of the time in which the output is a sine of exactly 440 Hz):
#   buffer         effect                share at 440 Hz   jumps per second   largest step
#   default        -ea:100                     100.0 %                0            0.029
#   default        -etc:20,100,100,2            99.8 %               45            0.357
#   -b:1024        -ea:100                     100.0 %                0            0.029
#   -b:1024        -etc:20,100,100,2            99.8 %               45            0.357
#   -b:256         -ea:100                     100.0 %                0            0.029
#   -b:256         -etc:20,100,100,2            99.3 %              164            0.133
#
# Exits with 1 if ecasound behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download ecasound=2.9.3-4+b1 \
    libaudiofile1=0.3.6-5+deb12u1 libsamplerate0=0.2.2-3 libjack-jackd2-0=1.9.21~dfsg-3 \
    libserd-0-0=0.30.16-1 libsord-0-0=0.16.14+git221008-1 libsratom-0-0=0.6.14-1 \
    liblilv-0-0=0.24.14-1 liblo7=0.31-1)
for package in "$folder"/*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
HOME="$folder" LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" \
    "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys

import numpy as np

RATE = 48_000
folder = sys.argv[1]


def ecasound(sound, effect):
    """Returns a sound after an effect of ecasound, from file to file."""
    source, result = f"{folder}/in.raw", f"{folder}/out.raw"
    sound.astype("f4").tofile(source)
    form = f"-f:f32_le,1,{RATE}"
    command = [f"{folder}/usr/bin/ecasound", "-q", "-x", form, "-i", source, *OPTIONS, effect]
    subprocess.run([*command, form, "-o", result], check=True, capture_output=True)
    return np.fromfile(result, "f4")


def steps(effect):
    """The share of time with the input's pitch, the jumps per second and the largest step."""
    sine = 0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * RATE))
    sound = ecasound(sine, effect)[RATE:].astype(float)
    # This recursion gives 0 for each sine of 440 Hz, whatever its phase is.
    rest = sound[2:] - 2 * np.cos(2 * np.pi * 440 / RATE) * sound[1:-1] + sound[:-2]
    jumps = np.flatnonzero(np.abs(rest) > 0.002)
    count = 1 + np.sum(np.diff(jumps) > 1) if len(jumps) else 0
    return 1 - len(jumps) / len(rest), count * RATE / len(sound), np.abs(np.diff(sound)).max()


seen = []
print("buffer         effect                share at 440 Hz   jumps per second   largest step")
for buffer in ([], ["-b:1024"], ["-b:256"]):
    OPTIONS = buffer
    for effect in ("-ea:100", "-etc:20,100,100,2"):
        share, count, largest = steps(effect)
        seen.append((share, count, largest))
        name = "".join(buffer) or "default"
        print(f"{name:11}    {effect:17} {100 * share:16.1f} % {count:16.0f} {largest:16.3f}")
expected = [(1, 0, 0.029), (0.998, 45, 0.357)] * 2 + [(1, 0, 0.029), (0.993, 164, 0.133)]
sys.exit(not np.allclose(seen, expected, atol=(0.0006, 1, 0.001)))
PYTHON
