#!/usr/bin/env bash
# CMT's limiters ignore their attack and let sound through 18 dB above the limit.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: CMT 1.18 (Debian's cmt 1.18-1), the Computer Music Toolkit of LADSPA plugins; limit_peak
#   and limit_rms. Seen in November 2026; also in the source at GitHub (LMMS/cmt, dynamic.cpp at
#   835108b). Control: its compress_peak with a ratio of 0, which has the limiter's formula.
# Guess: "Simple Limiter" with a threshold of 0.1 brings a steady sine of amplitude 1 down to 0.1,
#   -20 dB or a little above (as the envelope follows each half wave), faster with a short attack.
# Behaviour: the attack does nothing. The decay is used as the attack, and the input as the decay:
#   the limiters read the attack and decay from the compressor's port numbers 2 and 3, although they
#   have one port less (dynamic.cpp). So the first sample of each block is the decay in seconds, and
#   the level depends on the host's block size. With an attack of 1 ms and a decay of 100 ms the
#   sine stays at -1.3 to -2.2 dB, where the compressor brings it down to -19.7 dB.
#
# Output seen (dB, steady sine of 0 dB and 1 kHz at 48 kHz, limit -20 dB):
#   attack   decay   compress_peak   limit_peak in blocks of 1000 and 1024   limit_rms
#     1 ms    1 ms           -16.3                       -13.0       -13.0       -15.1
#     1 ms  100 ms           -19.7                        -1.5        -1.3        -2.2
#   100 ms  100 ms           -16.1                        -1.5        -1.3        -2.2
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


find = C.CDLL(sys.argv[1]).ladspa_descriptor
find.restype = C.POINTER(Plugin)


def level(label, controls, samples, block):
    """The level after the plugin in dB, where a sine of amplitude 1 has 0."""
    plugins = itertools.takewhile(bool, map(find, itertools.count()))
    plugin = next(p.contents for p in plugins if p.contents.label == label)
    handle = plugin.instantiate(C.byref(plugin), RATE)
    values = np.array(controls, np.float32)
    for i in range(len(values)):
        plugin.connect(handle, i, values[i:].ctypes.data)
    plugin.activate(handle)
    output = np.zeros_like(samples)
    for start in range(0, len(samples), block):
        plugin.connect(handle, len(values), samples[start:].ctypes.data)
        plugin.connect(handle, len(values) + 1, output[start:].ctypes.data)
        plugin.run(handle, min(block, len(samples) - start))
    return 10 * np.log10(2 * np.mean(output[RATE:] ** 2))


sine = np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE).astype(np.float32)
print("attack   decay   compress_peak   limit_peak in blocks of 1000 and 1024   limit_rms")
seen = []
for attack, decay in ((0.001, 0.001), (0.001, 0.1), (0.1, 0.1)):
    row = [level(b"compress_peak", (0.1, 0.0, attack, decay), sine, 1000)]
    row += [level(b"limit_peak", (0.1, attack, decay), sine, block) for block in (1000, 1024)]
    row += [level(b"limit_rms", (0.1, attack, decay), sine, 1000)]
    seen.append(row)
    times = f"{1000 * attack:4.0f} ms {1000 * decay:4.0f} ms"
    print(f"{times}   {row[0]:13.1f}   {row[1]:25.1f}   {row[2]:9.1f}   {row[3]:9.1f}")
told = [[-16.3, -13.0, -13.0, -15.1], [-19.7, -1.5, -1.3, -2.2], [-16.1, -1.5, -1.3, -2.2]]
sys.exit(not np.allclose(seen, told, atol=0.1))
PYTHON
