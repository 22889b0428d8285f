#!/usr/bin/env bash
# Dragonfly Plate's reverb type "Tank" rings 1.6 to 2.6 times as long as its decay time.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Plugin: Dragonfly Reverb 3.2.8 (Debian's dragonfly-reverb-lv2 3.2.8-1). Seen in December 2026.
#   The source at GitHub after 3.2.9 (b3c15af) has the same formula in common/freeverb/strev.cpp.
# Guess: the decay is in seconds, and the manual of the plate reverb says "Length of time for the
#   late reverberation to decrease by 60dB". The types Simple and Nested do so to within 9 %.
# Behaviour: Tank decays more slowly. By the source, setrt60() takes the loop's delay from its four
#   delay lines, without the four allpass filters in the same loop.
# Cost: at a decay of 2 s, a change of type from Nested to Tank turns a tail of 2.06 s into 3.32 s.
#
# Output seen (60 dB by the slope from -5 to -25 dB, 350 to 1400 Hz, damping at 16 kHz, 48 kHz):
#   decay    Simple   Nested     Tank
#   0.5 s    0.52 s   0.49 s   1.30 s
#     1 s    1.02 s   1.04 s   1.82 s
#     2 s    1.85 s   2.06 s   3.32 s
#     4 s    3.66 s   3.94 s   6.41 s
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
"$folder/venv/bin/python" - "$folder/usr/lib/lv2/DragonflyPlateReverb.lv2/" <<'PYTHON'
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
    find = C.CDLL(f"{sys.argv[1]}DragonflyPlateReverb_dsp.so").lv2_descriptor
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
print("decay    Simple   Nested     Tank")
for decay in (0.5, 1, 2, 4):
    # Dry and wet level in %, type, width, predelay, decay, low cut, high cut, damping.
    times = [decay_time((0, 100, kind, 100, 0, decay, 4, 16_000, 16_000)) for kind in range(3)]
    print(f"{decay:3} s  " + " ".join(f"{time:6.2f} s" for time in times))
    seen.append([time / decay for time in times])
expected = [[1.04, 0.98, 2.60], [1.02, 1.04, 1.82], [0.93, 1.03, 1.66], [0.92, 0.98, 1.60]]
others = [time for times in seen for time in times[:2]]
same = np.allclose(seen, expected, atol=0.04) and np.allclose(others, 1, rtol=0, atol=0.09)
sys.exit(not same)
PYTHON
