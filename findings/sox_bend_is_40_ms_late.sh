#!/usr/bin/env bash
# sox's bend effect plays the whole sound 40 ms late, and loses as much of its end.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Program: sox 14.4.2 (Debian's sox 14.4.2+git20190427-3.5); bend. Seen in November 2026.
# Guess: bend "changes pitch by specified amounts at specified times", and nothing else. So a click
#   stays where it is. That is so with another effect that looks ahead: a linear-phase sinc filter.
# Behaviour: the output is late by nearly a frame of the Fourier transform: about 40 ms at 48 kHz,
#   and 80 ms with -f 10. The sound keeps its length, so its end is lost.
# Cost: a track that is bent is out of time with the other tracks, and its last 40 ms are gone.
#
# Output seen (48 kHz, a click at 0.5 s, and another one 20 ms before the end):
#   sinc -10k                 0.0 ms late, 100.0 % of the last click's energy kept
#   bend 0.1,100,0.1         41.8 ms late,   0.0 % of the last click's energy kept
#   bend 0.1,-700,0.1        43.7 ms late,   0.2 % of the last click's energy kept
#   bend -f 50 0.1,100,0.1   20.8 ms late,  37.3 % of the last click's energy kept
#   bend -f 10 0.1,100,0.1   83.0 ms late,   0.0 % of the last click's energy kept
#
# Exits with 1 if sox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
version=14.4.2+git20190427-3.5
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download sox=$version \
    libsox3=$version libltdl7=2.4.7-7~deb12u1 libgsm1=1.0.22-1)
for package in "$folder"/*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" \
    "$folder/venv/bin/python" - "$folder/usr/bin/sox" <<'PYTHON'
import subprocess
import sys

import numpy as np

RATE = 48_000


def sox(sound, *effect):
    """Returns a sound after an effect of sox, as raw 32-bit floats from pipe to pipe."""
    form = f"-t raw -e float -b 32 -c 1 -r {RATE} -".split()
    command = [sys.argv[1], "-V1", "-D", *form, *form, *effect]
    done = subprocess.run(command, input=sound.astype("f4").tobytes(), capture_output=True)
    return np.frombuffer(done.stdout, "f4")


def middle(sound):
    """Returns the centre of the energy of a sound, in seconds."""
    return np.average(np.arange(len(sound)), weights=np.square(sound, dtype=float)) / RATE


click, end = np.zeros((2, RATE))
click[RATE // 2 : RATE // 2 + 200] = end[-1060:-860] = 0.5 * np.hanning(200)
delays = {}
for effect in [
    "sinc -10k",
    "bend 0.1,100,0.1",
    "bend 0.1,-700,0.1",
    "bend -f 50 0.1,100,0.1",
    "bend -f 10 0.1,100,0.1",
]:
    late = 1000 * (middle(sox(click, *effect.split())) - middle(click))
    kept = np.square(sox(end, *effect.split()), dtype=float).sum() / np.square(end).sum()
    delays[effect] = late, kept
    print(f"{effect:23} {late:5.1f} ms late, {100 * kept:5.1f} % of the last click's energy kept")
late, kept = np.array([*delays.values()]).T
seen = np.allclose(late, [0, 41, 41, 20.5, 82], atol=3)
sys.exit(not (seen and kept[0] > 0.99 and (kept[1:3] < 0.01).all()))
PYTHON
