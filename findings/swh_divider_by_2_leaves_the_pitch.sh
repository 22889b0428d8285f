#!/usr/bin/env bash
# swh-plugins' divider divides by the denominator minus one: 2 leaves the pitch as it is.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: swh-plugins 0.4.17 (Debian's swh-plugins 0.4.17-2); divider, "Audio Divider (Suboctave
#   Generator)". Seen in November 2026; also in the source at GitHub (divider_1186.xml at 0f54d24).
# Guess: the denominator is "the factor the incoming frequency will be divided by". So 2 is an
#   octave down, and 4 is two octaves down.
# Behaviour: from 2 on, the plugin's square wave has a frequency of f / (denominator - 1). By the
#   source, the wave changes its sign after denominator - 1 zero crossings, and then the count is
#   set to 0. So 2 leaves the pitch as it is, 3 is an octave down, and 5 is two octaves down.
#
# Output seen (sine of 480 Hz):
#   denominator 1: 480.0 Hz, expected 480.0 Hz
#   denominator 2: 480.0 Hz, expected 240.0 Hz
#   denominator 3: 240.0 Hz, expected 160.0 Hz
#   denominator 4: 160.0 Hz, expected 120.0 Hz
#   denominator 5: 120.0 Hz, expected  96.0 Hz
#   denominator 6:  96.0 Hz, expected  80.0 Hz
#   denominator 7:  80.0 Hz, expected  68.6 Hz
#   denominator 8:  68.6 Hz, expected  60.0 Hz
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download swh-plugins=0.4.17-2)
dpkg -x "$folder"/swh-plugins_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/divider_1186.so" <<'PYTHON'
import ctypes as C
import itertools
import sys

import numpy as np

RATE = 48_000


class Plugin(C.Structure):
    """A LADSPA plugin, up to the function that runs it."""

    _fields_ = [("id", C.c_ulong), ("label", C.c_char_p), *((f"x{i}", C.c_ulong) for i in range(9))]
    _fields_ += [
        ("instantiate", C.CFUNCTYPE(C.c_void_p, C.c_void_p, C.c_ulong)),
        ("connect", C.CFUNCTYPE(None, C.c_void_p, C.c_ulong, C.c_void_p)),
        ("activate", C.CFUNCTYPE(None, C.c_void_p)),
        ("run", C.CFUNCTYPE(None, C.c_void_p, C.c_ulong)),
    ]


def play(label, *ports, rate=RATE, library=sys.argv[1]):
    """Runs a plugin; its ports in their order are numbers, or arrays that are read or filled."""
    find = C.CDLL(library).ladspa_descriptor
    find.restype = C.POINTER(Plugin)
    plugins = itertools.takewhile(bool, map(find, itertools.count()))
    plugin = next(p.contents for p in plugins if p.contents.label == label)
    handle = plugin.instantiate(C.byref(plugin), rate)
    ports = [np.atleast_1d(port).astype(np.float32) for port in ports]
    for i, port in enumerate(ports):
        plugin.connect(handle, i, port.ctypes.data)
    if C.cast(plugin.activate, C.c_void_p).value:
        plugin.activate(handle)
    plugin.run(handle, max(map(len, ports)))
    return ports


sine = 0.5 * np.sin(2 * np.pi * 480 * np.arange(4 * RATE) / RATE)
ratios = []
for denominator in range(1, 9):
    output = play(b"divider", denominator, sine, np.zeros_like(sine))[2][RATE:]
    rises = np.flatnonzero((output[1:] > 0) & (output[:-1] <= 0))
    heard = RATE * (len(rises) - 1) / (rises[-1] - rises[0])
    ratios.append(480 / heard)
    told = 480 / denominator
    print(f"denominator {denominator}: {heard:5.1f} Hz, expected {told:5.1f} Hz")
sys.exit(not np.allclose(ratios, [1, 1, 2, 3, 4, 5, 6, 7], rtol=0.01))
PYTHON
