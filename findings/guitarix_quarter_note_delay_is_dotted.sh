#!/usr/bin/env bash
# Guitarix' digital delay plays most note values as the one before: a quarter is a dotted quarter.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: guitarix 0.44.1 (Debian's guitarix-lv2 0.44.1+dfsg1-2); the LV2 plugin gx_digital_delay.
#   Seen in December 2026.
# Guess: the control NOTES goes from 0 to 17, and the plugin's ttl file names each value: 3 is
#   "Dotted1/4note", 4 is "1/4note". At 120 beats per minute, a quarter note is a delay of 500 ms.
# Behaviour: 4, the default, gives 750 ms, which is a dotted quarter. The values from 1 on play the
#   note value before them in the list, except for "1/16note", which plays 225 ms. That is no value
#   of the list. The first, the dotted half, plays a quarter. No value plays triplets of 64ths.
#   The delay does follow the tempo.
# Cost: the echoes fall beside the beat. Workaround: take the next value: 5 is a quarter.
#
# Output seen (120 beats per minute, rate of 48 kHz, some of the values):
#   NOTES  name                 delay      right
#       0  Dotted1/2note      500.0 ms  1500.0 ms
#       1  1/2note           1500.0 ms  1000.0 ms
#       3  Dotted1/4note      666.6 ms   750.0 ms
#       4  1/4note            750.0 ms   500.0 ms
#       5  1/4notetriplets    500.0 ms   333.3 ms
#       7  1/8note            375.0 ms   250.0 ms
#      10  1/16note           225.0 ms   125.0 ms
#      17  1/64notetriplets    31.2 ms    20.8 ms
#   NOTES 4 at half of the tempo: 1500.0 ms
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download guitarix-lv2=0.44.1+dfsg1-2
dpkg -x guitarix-lv2_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/lv2/gx_digital_delay.lv2" <<'PYTHON'
import ctypes as C
import re
import sys

import numpy as np

RATE, BPM = 48_000, 120
NAMES = [f"{kind[0]}1/{n}note{kind[1]}" for n in (2, 4, 8, 16, 32, 64)
         for kind in (("Dotted", ""), ("", ""), ("", "triplets"))]
TRUE = [240_000 / BPM / n * factor for n in (2, 4, 8, 16, 32, 64) for factor in (1.5, 1, 2 / 3)]


class Plugin(C.Structure):
    """An LV2 plugin, up to the function that runs it."""

    _fields_ = [
        ("uri", C.c_char_p),
        ("instantiate", C.CFUNCTYPE(C.c_void_p, C.c_void_p, C.c_double, C.c_char_p, C.c_void_p)),
        ("connect", C.CFUNCTYPE(None, C.c_void_p, C.c_uint32, C.c_void_p)),
        ("activate", C.CFUNCTYPE(None, C.c_void_p)),
        ("run", C.CFUNCTYPE(None, C.c_void_p, C.c_uint32)),
    ]


class Feature(C.Structure):
    _fields_ = [("uri", C.c_char_p), ("data", C.c_void_p)]


uris = []
number = C.CFUNCTYPE(C.c_uint32, C.c_void_p, C.c_char_p)(
    lambda _, uri: uris.append(uri) or len(uris)
)
table = (C.c_void_p * 2)(None, C.cast(number, C.c_void_p).value)
mapping = Feature(b"http://lv2plug.in/ns/ext/urid#map", C.addressof(table))
features = (C.POINTER(Feature) * 2)(C.pointer(mapping), None)
find = C.CDLL(sys.argv[1] + "/gx_digital_delay.so").lv2_descriptor
find.restype = C.POINTER(Plugin)
plugin = find(0).contents


def delay(notes, bpm=BPM):
    """The time of the echo in ms."""
    handle = plugin.instantiate(C.byref(plugin), RATE, b"", C.byref(features))
    # The ports are output, input, 8 controls, events in, tempo out and 3 controls.
    controls = np.array([bpm, 1, 100, 120, 12_000, 100, 0, notes, 0, 0, 0, bpm, 1], np.float32)
    events = np.zeros(64, np.uint64)
    events[0] = 8  # an empty sequence
    sound = np.zeros((2, 4 * RATE), np.float32)
    sound[1, RATE] = 0.5
    for i in range(2):
        plugin.connect(handle, i, sound[i].ctypes.data)
    for i in range(13):
        plugin.connect(handle, 2 + i, controls[i:].ctypes.data)
    plugin.connect(handle, 10, events.ctypes.data)
    if C.cast(plugin.activate, C.c_void_p).value:
        plugin.activate(handle)
    plugin.run(handle, sound.shape[1])
    return (np.argmax(np.abs(sound[0, RATE + 100 :])) + 100) * 1000 / RATE


with open(sys.argv[1] + "/gx_digital_delay.ttl") as file:
    points = re.findall(r'label "(.*note.*)"; rdf:value (\d+)\]', file.read())
assert points == [(name, str(i)) for i, name in enumerate(NAMES)]
print("NOTES  name                 delay      right")
seen = np.array([delay(i) for i in range(18)])
for i in (0, 1, 3, 4, 5, 7, 10, 17):
    print(f"{i:5}  {NAMES[i]:17} {seen[i]:6.1f} ms  {TRUE[i]:6.1f} ms")
half = delay(4, BPM / 2)
print(f"NOTES 4 at half of the tempo: {half:.1f} ms")
expected = [500, *TRUE[:-1]]
expected[10] = 225
sys.exit(not (np.allclose(seen, expected, atol=0.25) and abs(half - 1500) < 0.1))
PYTHON
