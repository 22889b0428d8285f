#!/usr/bin/env bash
# Dragonfly Room at a size of 32 m rings for over a second, even if its decay time is 0.2 s.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Plugin: Dragonfly Reverb 3.2.8 (Debian's dragonfly-reverb-lv2 3.2.8-1). Seen in December 2026.
# Guess: the manual of this reverb says of the decay "Length of time for the late reverberation to
#   decrease by 60dB". It says of the size that it changes reflections, their density and the
#   attack. So the decay time does not depend on the size.
# Behaviour: at decay times of up to 2 s the late reverberation rings longer the larger the room is.
#   At 4 s the sizes differ by less than 5 %.
# Cost: a room of 16 m or more cannot be made as dry as a decay time of 0.2 or 0.5 s says.
#
# Output seen (60 dB by the slope from -5 to -25 dB, 350 to 1400 Hz; late level only, diffusion of
# 70 % as in the default preset, no spin or wander, high cut and damping at 16 kHz, rate of 48 kHz):
#   decay        8 m     16 m     24 m     32 m
#   0.2 s     0.45 s   0.70 s   0.87 s   1.21 s
#   0.5 s     0.59 s   1.07 s   1.29 s   1.34 s
#     1 s     0.93 s   1.20 s   1.65 s   2.03 s
#     2 s     1.75 s   1.80 s   1.93 s   2.49 s
#     4 s     3.51 s   3.40 s   3.45 s   3.56 s
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download dragonfly-reverb-lv2=3.2.8-1
dpkg -x "$folder"/dragonfly-reverb-lv2_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.15.3
"$folder/venv/bin/python" - "$folder/usr/lib/lv2/DragonflyRoomReverb.lv2/" <<'PYTHON'
import ctypes as C
import sys

import numpy as np
from scipy.signal import butter, sosfilt

RATE, V, U, S = 48_000, C.c_void_p, C.c_uint32, C.c_char_p
FIELDS = [("uri", S), ("instantiate", C.CFUNCTYPE(V, V, C.c_double, S, V))]
FIELDS += [("connect", C.CFUNCTYPE(None, V, U, V)), ("activate", C.CFUNCTYPE(None, V))]
FIELDS += [("run", C.CFUNCTYPE(None, V, U))]


class Plugin(C.Structure):
    """An LV2 plugin, up to the function that runs it."""

    _fields_ = FIELDS


# The three features of the host: numbers for names, a worker that never works, a block size.
uris = {}
number = C.CFUNCTYPE(U, V, S)(lambda _, uri: uris.setdefault(uri, len(uris) + 1))
work = C.CFUNCTYPE(C.c_int, V, U, V)(lambda *_: 0)
EXT = b"http://lv2plug.in/ns/ext/"
size = np.array([1024], np.int32)
option = (number(None, EXT + b"buf-size#maxBlockLength"), 4, number(None, EXT + b"atom#Int"))
option = np.array([(0, 0, *option, 0, size.ctypes.data), (0,) * 7], "u4,u4,u4,u4,u4,u4,u8")
pairs = [np.array([0, C.cast(function, V).value], np.uint64) for function in (number, work)]
data = {b"urid#map": pairs[0], b"worker#schedule": pairs[1], b"options#options": option}
names = [C.create_string_buffer(EXT + name) for name in data]
table = [np.array([C.addressof(n), d.ctypes.data], "u8") for n, d in zip(names, data.values())]
features = np.array([feature.ctypes.data for feature in table] + [0], np.uint64)


def reverb(sound, controls):
    """The left output of a reverb for a mono sound; its controls are the ports from 6 on."""
    find = C.CDLL(f"{sys.argv[1]}DragonflyRoomReverb_dsp.so").lv2_descriptor
    find.restype = C.POINTER(Plugin)
    plugin = find(0).contents
    handle = plugin.instantiate(C.byref(plugin), RATE, sys.argv[1].encode(), features.ctypes.data)
    ports = [np.array([control], np.float32) for control in controls]
    events = np.array([8, number(None, EXT + b"atom#Sequence"), 0, 0], np.uint32)
    sound = np.array([sound, sound, 0 * sound, 0 * sound], np.float32)
    for i, port in enumerate([*sound, events, events.copy(), *ports]):
        plugin.connect(handle, i, port.ctypes.data)
    plugin.activate(handle)
    for start in range(0, len(sound[0]), 1024):
        for i in range(4):
            plugin.connect(handle, i, sound[i, start:].ctypes.data)
        plugin.run(handle, min(1024, len(sound[0]) - start))
    return sound[2].astype(float)


def decay_time(controls):
    """60 dB by the slope from -5 dB to -25 dB of a noise's decay, between 350 and 1400 Hz."""
    noise = np.zeros(8 * RATE)
    noise[RATE : RATE + RATE // 10] = np.random.default_rng(0).normal(0, 0.1, RATE // 10)
    octaves = butter(4, (350, 1400), "bandpass", fs=RATE, output="sos")
    band = sosfilt(octaves, reverb(noise, controls))
    energy = np.cumsum(band[: RATE + RATE // 10 : -1] ** 2)[::-1]
    decibels = 10 * np.log10(energy / energy[0] + 1e-30)
    part = np.flatnonzero((decibels < -5) & (decibels > -25))
    return -60 / np.polyfit(part / RATE, decibels[part], 1)[0]


seen = []
print("decay        8 m     16 m     24 m     32 m")
for decay in (0.2, 0.5, 1, 2, 4):
    times = []
    for metres in (8, 16, 24, 32):
        # Levels (dry, early, send, late), size, width, predelay, decay, diffusion, spin, wander,
        # high cut, two dampings, low boost and its frequency, low cut.
        levels, tone = (0, 0, 0, 100), (16_000, 16_000, 16_000, 0, 600, 4)
        times.append(decay_time((*levels, metres, 100, 0, decay, 70, 0, 0, *tone)))
    print(f"{decay:3} s   " + " ".join(f"{time:6.2f} s" for time in times))
    seen.append(times)
expected = [[0.45, 0.72, 0.86, 1.18], [0.59, 1.08, 1.30, 1.31], [0.94, 1.22, 1.65, 2.06]]
expected += [[1.76, 1.83, 1.91, 2.52], [3.51, 3.43, 3.46, 3.57]]
same = np.allclose(seen, expected, rtol=0.04) and max(seen[-1]) < 1.05 * min(seen[-1])
rising = all(np.all(np.diff(times) > 0) for times in seen[:-1])
sys.exit(not (same and rising and min(times[3] for times in seen) > 1))
PYTHON
