#!/usr/bin/env bash
# swh-plugins' sine and cosine oscillator plays its default of 440 Hz as 0.5 Hz.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: swh-plugins 0.4.17 (Debian's swh-plugins 0.4.17-2); sinCos, "Sine + cosine oscillator".
#   Seen in November 2026; also in the source at GitHub (sin_cos_1881.xml at 0f54d24).
# Guess: the port "Base frequency (Hz)" is in hertz. Its default is 440, and its range goes up to
#   half of the sampling rate.
# Behaviour: the source limits the frequency to 0.5, where it is in hertz already. So each frequency
#   from 0.5 Hz up is 0.5 Hz. The pitch offset, of eight octaves at most, makes that 128 Hz.
# Cost: the oscillator plays nothing above 128 Hz, and no note that its base frequency sets.
#
# Output seen (48 kHz):
#       0.25 Hz, 0 octaves up:   0.25 Hz, expected     0.25 Hz
#        0.5 Hz, 0 octaves up:   0.50 Hz, expected      0.5 Hz
#          1 Hz, 0 octaves up:   0.50 Hz, expected        1 Hz
#        440 Hz, 0 octaves up:   0.50 Hz, expected      440 Hz
#      12000 Hz, 0 octaves up:   0.50 Hz, expected    12000 Hz
#       0.25 Hz, 8 octaves up:  64.00 Hz, expected       64 Hz
#        440 Hz, 1 octaves up:   1.00 Hz, expected      880 Hz
#        440 Hz, 8 octaves up: 128.00 Hz, expected   112640 Hz
#        880 Hz, 8 octaves up: 128.00 Hz, expected   225280 Hz
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download swh-plugins=0.4.17-2)
dpkg -x "$folder"/swh-plugins_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/sin_cos_1881.so" <<'PYTHON'
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


def play(label, *ports, runs=1, library=sys.argv[1]):
    """Runs a plugin; its ports in their order are numbers, or arrays that are read or filled."""
    find = C.CDLL(library).ladspa_descriptor
    find.restype = C.POINTER(Plugin)
    plugins = itertools.takewhile(bool, map(find, itertools.count()))
    plugin = next(p.contents for p in plugins if p.contents.label == label)
    handle = plugin.instantiate(C.byref(plugin), RATE)
    ports = [np.atleast_1d(port).astype(np.float32) for port in ports]
    for i, port in enumerate(ports):
        plugin.connect(handle, i, port.ctypes.data)
    if C.cast(plugin.activate, C.c_void_p).value:
        plugin.activate(handle)
    for _ in range(runs):
        plugin.run(handle, max(map(len, ports)))
    return ports


cases = [(0.25, 0, 0.25), (0.5, 0, 0.5), (1, 0, 0.5), (440, 0, 0.5), (12_000, 0, 0.5)]
cases += [(0.25, 8, 64), (440, 1, 1), (440, 8, 128), (880, 8, 128)]
same = True
for base, octaves, seen in cases:
    # The frequency glides to its value in the first run, and holds it in the second.
    sine, cosine = play(b"sinCos", base, octaves, *np.zeros((2, 4 * RATE)), runs=2)[2:]
    turns = np.unwrap(np.arctan2(sine, cosine)) / (2 * np.pi)
    heard = (turns[-1] - turns[0]) / (len(turns) - 1) * RATE
    told = base * 2**octaves
    print(f"{base:8g} Hz, {octaves} octaves up: {heard:6.2f} Hz, expected {told:8g} Hz")
    same &= abs(heard / seen - 1) < 0.001
sys.exit(not same)
PYTHON
