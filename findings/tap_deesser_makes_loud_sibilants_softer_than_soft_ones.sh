#!/usr/bin/env bash
# TAP's de-esser makes loud sibilants softer than soft ones: 10 dB more in is 11.5 dB less out.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: TAP-plugins 1.0.0 (Debian's tap-plugins 1.0.0-1); TAP DeEsser. Seen in November 2026;
#   also in the source at GitHub (tap_deesser.c at 5d88279).
# Guess: a de-esser is a compressor for high sounds, so a louder sibilant does not come out softer.
#   By the source, each sample asks for half of its excess over the threshold, as with a ratio of
#   2:1, and the meter of the attenuation ends at 10 dB. The sampling rate does not matter.
# Behaviour: the attenuation is the sum over 10 ms divided by 100, and not by the number of samples,
#   which is 441 at 44.1 kHz and 960 at 96 kHz. So a sibilant of -15 dB comes out at -48.8 dB at a
#   rate of 48 kHz, but one of -25 dB comes out at -37.3 dB. At 96 kHz the plugin takes off about
#   twice as many decibels. With the mean, -15 dB at 48 kHz would become -22.0 dB, as the loss would
#   be 100 / 480 of the loss seen.
#
# Output seen (steady tone of 8 kHz, threshold -30 dB, side chain from 5.4 kHz on):
#   input       output at 44.1 kHz    48 kHz    96 kHz
#   -40 dB               -40.0 dB  -40.0 dB  -40.0 dB
#   -30 dB               -33.7 dB  -34.3 dB  -40.1 dB
#   -25 dB               -36.2 dB  -37.3 dB  -51.1 dB
#   -20 dB               -40.4 dB  -41.8 dB  -67.1 dB
#   -15 dB               -45.3 dB  -48.8 dB  -86.1 dB
#   -15 dB with the mean at 48 kHz: -22.0 dB
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download tap-plugins=1.0.0-1
dpkg -x "$folder"/tap-plugins_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/tap_deesser.so" <<'PYTHON'
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


def output(level, rate):
    """The level after the plugin in dB, for a steady tone of this level."""
    tone = 10 ** (level / 20) * np.sin(2 * np.pi * 8000 * np.arange(2 * rate) / rate)
    heard = play(b"tap_deesser", -30, 5400, 0, 0, 0, tone, np.zeros_like(tone), rate=rate)[-1]
    return 10 * np.log10(2 * np.mean(heard[rate:].astype(float) ** 2))


print("input       output at 44.1 kHz    48 kHz    96 kHz")
levels = (-40, -30, -25, -20, -15)
seen = np.array([[output(level, rate) for rate in (44_100, 48_000, 96_000)] for level in levels])
for level, row in zip(levels, seen):
    print(f"{level} dB               {row[0]:5.1f} dB  {row[1]:5.1f} dB {row[2]:6.1f} dB")
told = [[-40.0, -40.0, -40.0], [-33.7, -34.3, -40.1], [-36.2, -37.3, -51.1],
        [-40.4, -41.8, -67.1], [-45.3, -48.8, -86.1]]
mean = -15 + (seen[4, 1] + 15) * 100 / 480
print(f"-15 dB with the mean at 48 kHz: {mean:.1f} dB")
sys.exit(not (np.allclose(seen, told, atol=0.1) and abs(mean + 22) < 0.1))
PYTHON
