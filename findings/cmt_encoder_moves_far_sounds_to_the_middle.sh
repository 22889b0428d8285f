#!/usr/bin/env bash
# CMT's ambisonic encoders move a far sound to the middle instead of making it softer everywhere.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: cmt 1.18 (Debian's cmt 1.18-1), the Computer Music Toolkit for LADSPA: encode_bformat,
#   encode_fmh and bf2stereo. Seen in November 2026.
# Guess: the documentation says that the encoders use "the inverse square law". So a sound that is
#   ten times as far away is softer by the same amount in all channels, and keeps its direction.
# Behaviour: only the channels that carry the direction become softer (by 20 dB for ten times the
#   distance). The channel W, which carries the sound itself, keeps its level at any distance. So
#   the sound loses its direction instead of its level.
# Cost: a sound on the left that goes away moves to the middle, and becomes louder on the right.
#
# Output seen (a constant of 1 to the left; W and Y of both encoders, and CMT's stereo decoder):
#   distance   1: W 0.707 (FMH 0.707), Y 1.000 (FMH 1.000); left 1.000, right 0.000
#   distance   2: W 0.707 (FMH 0.707), Y 0.500 (FMH 0.500); left 0.750, right 0.250
#   distance   4: W 0.707 (FMH 0.707), Y 0.250 (FMH 0.250); left 0.625, right 0.375
#   distance  10: W 0.707 (FMH 0.707), Y 0.100 (FMH 0.100); left 0.550, right 0.450
#   distance 100: W 0.707 (FMH 0.707), Y 0.010 (FMH 0.010); left 0.505, right 0.495
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


sound = np.ones(100)
same = True
for distance in [1, 2, 4, 10, 100]:
    w, x, y, z = play(b"encode_bformat", sound, 0, distance, 0, *np.zeros((4, 100)))[4:]
    fmh = play(b"encode_fmh", sound, 0, distance, 0, *np.zeros((9, 100)))[4:]
    left, right = play(b"bf2stereo", w, x, y, z, *np.zeros((2, 100)))[4:]
    channels = w[0], fmh[0][0], y[0], fmh[2][0]
    print(
        "distance {:3}: W {:.3f} (FMH {:.3f}), Y {:.3f} (FMH {:.3f});".format(distance, *channels),
        f"left {left[0]:.3f}, right {right[0]:.3f}",
    )
    same &= np.allclose(channels, [0.5**0.5] * 2 + [1 / distance] * 2)
    seen = 0.5 + 0.5 / distance, 0.5 - 0.5 / distance
    same &= np.allclose([left[0], right[0]], seen, atol=0.001)
sys.exit(not same)
PYTHON
