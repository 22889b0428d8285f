#!/usr/bin/env bash
# CMT's envelope tracker for the maximum RMS forgets 30 dB in the time that it is set for 60 dB.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: cmt 1.18 (Debian's cmt 1.18-1), the Computer Music Toolkit for LADSPA: track_max_rms,
#   "Envelope Tracker (Maximum RMS)", and track_max_peak. Seen in November 2026.
# Guess: the port "Envelope Forgetting Factor (s/60dB)" is the time in which the envelope falls by
#   60 dB after the sound. track_max_peak has the same port and does so.
# Behaviour: the envelope of track_max_rms falls by 30 dB in that time, so it takes twice as long.
# Cost: the two trackers fall at different speeds for the same setting.
#
# Output seen (a second of silence after a constant of amplitude 1, 48 kHz):
#   0.5 s per 60 dB: peak 120.0 dB, RMS 60.0 dB, expected 120 dB
#     1 s per 60 dB: peak  60.0 dB, RMS 30.0 dB, expected 60 dB
#     2 s per 60 dB: peak  30.0 dB, RMS 15.0 dB, expected 30 dB
#     4 s per 60 dB: peak  15.0 dB, RMS  7.5 dB, expected 15 dB
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download cmt=1.18-1)
dpkg -x "$folder"/cmt_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/cmt.so" <<'PYTHON'
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


def play(label, *ports, library=sys.argv[1]):
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
    plugin.run(handle, max(map(len, ports)))
    return ports


def fall(label, seconds):
    """Returns by how many dB the envelope falls in the silence of a second after a sound."""
    levels = []
    for silence in [0, RATE]:
        sound = np.r_[np.ones(RATE), np.zeros(silence)]
        levels.append(play(label, sound, 0, seconds)[1][0])
    return 20 * np.log10(levels[0] / levels[1])


same = True
for seconds in [0.5, 1, 2, 4]:
    peak, rms = fall(b"track_max_peak", seconds), fall(b"track_max_rms", seconds)
    told = 60 / seconds
    print(f"{seconds:3} s per 60 dB: peak {peak:5.1f} dB, RMS {rms:4.1f} dB, expected {told:g} dB")
    same &= np.allclose([peak, rms], [told, told / 2], atol=0.1)
sys.exit(not same)
PYTHON
