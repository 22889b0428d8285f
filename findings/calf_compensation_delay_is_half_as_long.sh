#!/usr/bin/env bash
# Calf's Compensation Delay Line delays by less than half of the time that sound needs.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: Calf 0.90.3 (Debian's calf-plugins 0.90.3-4), its LV2 plugin CompensationDelay. Seen in
#   December 2026; also in the source at GitHub (calf-studio-gear/calf, src/modules_delay.cpp at
#   bfa9164a, January 2026).
# Guess: its manual says to measure the distances of the microphones, and to set meters, centimeters
#   and millimeters from them, and "the temperature of the environment". So the delay is the
#   distance divided by the speed of sound, 331.3 m/s * sqrt(1 + T / 273.15) at T degrees Celsius.
# Behaviour: at 20 degrees the delay is 0.48 of this. At 10 m it is the same for 0, 20 and 50
#   degrees. By the source, left and right samples alternate in one buffer, but the delay is counted
#   as if each step in it were a sample of time. And the speed of sound is computed for
#   max(50, temperature), while the temperature goes up to 50 degrees.
# Cost: at 20 degrees, a microphone that is delayed for 1 m is still 1.5 ms too early, and a
#   loudspeaker that is delayed for 50 m is 76 ms too early. Workaround: set 2.1 times the distance
#   at 20 degrees.
#
# Output seen (rate of 48 kHz, all other controls at their defaults):
#   distance, temperature   delay   true delay (samples)   ratio   too early by
#        1 m          20 deg        67          140               0.48         1.5 ms
#        5 m          20 deg       333          699               0.48         7.6 ms
#       10 m          20 deg       666         1399               0.48        15.3 ms
#       50 m          20 deg      3328         6993               0.48        76.3 ms
#       10 m           0 deg       666         1449               0.46        16.3 ms
#       10 m          50 deg       666         1332               0.50        13.9 ms
#   Workaround: 21 m for 10 m at 20 deg: 1398 samples
#
# Exits with 1 if Calf behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download calf-plugins=0.90.3-4 \
    libfluidsynth3=2.3.1-2 libinstpatch-1.0-2=1.1.6-1 libsdl2-2.0-0=2.26.5+dfsg-1 \
    libjack-jackd2-0=1.9.21~dfsg-3 libsamplerate0=0.2.2-3 libxcursor1=1:1.2.1-1 \
    libxi6=2:1.8-1+b1 libxfixes3=1:6.0.0-2 libxrandr2=2:1.5.2-2+b1 libxss1=1:1.2.3-1 \
    libwayland-egl1=1.21.0-1 libwayland-client0=1.21.0-1 libwayland-cursor0=1.21.0-1 \
    libdecor-0-0=0.1.1-2
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
libraries=$folder/usr/lib/x86_64-linux-gnu
LD_LIBRARY_PATH=$libraries "$folder/venv/bin/python" - "$libraries/calf/calf.so" <<'PYTHON'
import ctypes as C
import itertools
import sys

import numpy as np

RATE = 48_000


class Plugin(C.Structure):
    """An LV2 plugin, up to the function that runs it."""

    _fields_ = [
        ("uri", C.c_char_p),
        ("instantiate", C.CFUNCTYPE(C.c_void_p, C.c_void_p, C.c_double, C.c_char_p, C.c_void_p)),
        ("connect", C.CFUNCTYPE(None, C.c_void_p, C.c_uint32, C.c_void_p)),
        ("activate", C.CFUNCTYPE(None, C.c_void_p)),
        ("run", C.CFUNCTYPE(None, C.c_void_p, C.c_uint32)),
    ]


find = C.CDLL(sys.argv[1]).lv2_descriptor
find.restype = C.POINTER(Plugin)
plugins = itertools.takewhile(bool, map(find, itertools.count()))
uri = b"http://calf.sourceforge.net/plugins/CompensationDelay"
plugin = next(p.contents for p in plugins if p.contents.uri == uri)


def delay(meters, temperature):
    """By how many samples the plugin delays an impulse."""
    handle = plugin.instantiate(C.byref(plugin), RATE, b"", C.byref(C.c_void_p()))
    # Ports 4 to 20: mm, cm, m, dry, wet, temperature, bypass, gains, meters; all else as by default
    controls = np.zeros(17, np.float32)
    controls[:9] = 0, 0, meters, 1 / 4096, 1, temperature, 0, 1, 1
    audio = np.zeros((4, RATE), np.float32)
    audio[:2, 1000] = 0.5
    events = np.zeros(64, np.uint64)
    events[0] = 8  # an empty sequence
    for i in range(4):
        plugin.connect(handle, i, audio[i].ctypes.data)
    for i in range(17):
        plugin.connect(handle, 4 + i, controls[i:].ctypes.data)
    plugin.connect(handle, 21, events.ctypes.data)
    plugin.connect(handle, 22, None)
    plugin.activate(handle)
    plugin.run(handle, RATE)
    left, right = np.argmax(np.abs(audio[2:]), axis=1) - 1000
    assert left == right and np.isclose(audio[2, 1000 + left], 0.5, atol=0.001)
    return left


print("distance, temperature   delay   true delay (samples)   ratio   too early by")
seen = []
for meters, temperature in ((1, 20), (5, 20), (10, 20), (50, 20), (10, 0), (10, 50)):
    samples = delay(meters, temperature)
    true = RATE * meters / (331.3 * (1 + temperature / 273.15) ** 0.5)
    seen.append(samples)
    row = f"{meters:6} m {temperature:11} deg {samples:9} {true:12.0f} {samples / true:18.2f}"
    print(f"{row} {1000 * (true - samples) / RATE:11.1f} ms")
seen.append(delay(21, 20))
print(f"Workaround: 21 m for 10 m at 20 deg: {seen[-1]} samples")
sys.exit(seen != [67, 333, 666, 3328, 666, 666, 1398])
PYTHON
