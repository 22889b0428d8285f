#!/usr/bin/env bash
# CMT's ambisonic decoder for a cube leaves the four top speakers silent.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: CMT 1.18 (Debian's cmt 1.18-1), the Computer Music Toolkit of LADSPA plugins; bf2cube, a
#   decoder of first-order B-format. Seen in November 2026; also in the source at GitHub (LMMS/cmt,
#   ambisonic.cpp at 835108b). Control: bf2stereo.
# Guess: the eight outputs are the corners of the cube, and each of them is a weighted sum of W, X,
#   Y and Z. So a source above is loudest in the top speakers, and one at the left is as loud in the
#   top left speakers as in the base's.
# Behaviour: the four top speakers are silent, wherever the source is. By the source, the pointers
#   of the top outputs are set to the ports of the base, so the top's signals overwrite the base's.
#   So the height of a sound is lost.
#
# Output seen (a sine of 0 dB; the speakers are front left, front right, back left, back right):
#   no direction, base: -18.1 dB, -18.1 dB, -18.1 dB, -18.1 dB
#   no direction, top: silent, silent, silent, silent
#   source above: heard in 2 of 2 stereo speakers, 4 of 4 at the base and 0 of 4 at the top
#   source below: heard in 2 of 2 stereo speakers, 4 of 4 at the base and 0 of 4 at the top
#   source at the left: heard in 1 of 2 stereo speakers, 4 of 4 at the base and 0 of 4 at the top
#   source in front: heard in 2 of 2 stereo speakers, 4 of 4 at the base and 0 of 4 at the top
#
# Exits with 1 if CMT behaves differently.
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

RATE, BLOCK = 48_000, 4800


class Plugin(C.Structure):
    """A LADSPA plugin, up to the function that runs it."""

    _fields_ = [("id", C.c_ulong), ("label", C.c_char_p), *((f"x{i}", C.c_ulong) for i in range(9))]
    _fields_ += [
        ("instantiate", C.CFUNCTYPE(C.c_void_p, C.c_void_p, C.c_ulong)),
        ("connect", C.CFUNCTYPE(None, C.c_void_p, C.c_ulong, C.c_void_p)),
        ("activate", C.CFUNCTYPE(None, C.c_void_p)),
        ("run", C.CFUNCTYPE(None, C.c_void_p, C.c_ulong)),
    ]


find = C.CDLL(sys.argv[1]).ladspa_descriptor
find.restype = C.POINTER(Plugin)


def speakers(label, count, position):
    """The level in dB at each speaker, for a sine of level 0 at (x, y, z)."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(2 * BLOCK) / RATE)
    signals = np.outer((np.sqrt(0.5), *position), tone).astype(np.float32)
    outputs = np.zeros((count, BLOCK), np.float32)
    plugins = itertools.takewhile(bool, map(find, itertools.count()))
    plugin = next(p.contents for p in plugins if p.contents.label == label)
    handle = plugin.instantiate(C.byref(plugin), RATE)
    for i, row in enumerate([*signals, *outputs]):
        plugin.connect(handle, i, row.ctypes.data)
    plugin.run(handle, BLOCK)
    return 10 * np.log10(2 * np.mean(outputs.astype(float) ** 2, axis=1) + 1e-20)


def text(levels):
    return ", ".join("silent" if x < -150 else f"{x:.1f} dB" for x in levels)


# Without a direction there is only W, and all speakers should be alike.
everywhere = speakers(b"bf2cube", 8, (0, 0, 0))
print(f"no direction, base: {text(everywhere[:4])}\nno direction, top: {text(everywhere[4:])}")
expected = np.allclose(everywhere[:4], -18.06, atol=0.05) and np.all(everywhere[4:] < -150)
sources = {"above": (0, 0, 1), "below": (0, 0, -1), "at the left": (0, 1, 0), "in front": (1, 0, 0)}
for name, position in sources.items():
    stereo, cube = speakers(b"bf2stereo", 2, position), speakers(b"bf2cube", 8, position)
    heard = [(levels > -40).sum() for levels in (stereo, cube[:4], cube[4:])]
    print(f"source {name}: heard in {heard[0]} of 2 stereo speakers, {heard[1]} of 4 at the base "
          f"and {heard[2]} of 4 at the top")
    expected &= heard[0] >= 1 and heard[1] == 4 and np.all(cube[4:] < -150)
sys.exit(not expected)
PYTHON
