#!/usr/bin/env bash
# ZamEQ2's peak is 0.11 octaves wide at a bandwidth of 1, and 0.48 octaves at 2.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: zam-plugins 4.1 (Debian's zam-plugins 4.1+ds-1); ZamEQ2, its two peaks. Seen in November
#   2026. The source at GitHub after 4.3 (6e63512) has the same formula, but allows bandwidths of
#   0.7 to 2.5 only.
# Guess: the bandwidth (0.1 to 6) is in octaves, between the two frequencies of half the gain in dB:
#   a comment in ZamEQ2Plugin.cpp says "q from octave bw". The plugin names no unit.
# Behaviour: the peak is narrower than that up to a bandwidth of 4. By the source, the formula of
#   Q for a bandwidth b has 2^(1/b) where 2^(b/2) would be right, and the width f / Q is in cycles
#   per sample where radians per sample are due. So a boost of 12 dB with a bandwidth of 1 is only
#   4.1 dB a semitone up. The width grows by a factor of 4.2 from 1 to 2, and of 5.3 from 2 to 4.
#
# Output seen (+12 dB at 1 kHz, rate of 48 kHz):
#   bandwidth   octaves at half gain   a semitone up
#      0.7                0.05             1.4 dB
#      1.0                0.11             4.1 dB
#      1.5                0.26             8.3 dB
#      2.0                0.48            10.5 dB
#      3.0                1.24            11.7 dB
#      4.0                2.55            11.9 dB
#      6.0                6.42            12.0 dB
#   growth of the width from 1 to 2: 4.2, from 2 to 4: 5.3
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download zam-plugins=4.1+ds-1
dpkg -x "$folder"/zam-plugins_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/ZamEQ2-ladspa.so" <<'PYTHON'
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


def width(bandwidth):
    """The octaves between the frequencies of half the gain, and the gain a semitone up in dB."""
    impulse = np.zeros(1 << 18)
    impulse[0] = 0.1
    controls = (12.0, bandwidth, 1000.0, 0.0, 1.0, 1000.0, 0.0, 250.0, 0.0, 8000.0, 0.0, 0.0)
    output = play(b"ZamEQ2", impulse, np.zeros_like(impulse), *controls)[1]
    gain = 20 * np.log10(np.abs(np.fft.rfft(output / 0.1)))
    frequency = np.fft.rfftfreq(len(impulse), 1 / RATE)
    inside = frequency[gain > 6]
    semitone = np.interp(1000 * 2 ** (1 / 12), frequency, gain)
    return np.log2(inside[-1] / inside[0]), semitone


print("bandwidth   octaves at half gain   a semitone up")
seen = {}
for bandwidth in (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0):
    octaves, semitone = seen[bandwidth] = width(bandwidth)
    print(f"   {bandwidth:.1f}               {octaves:5.2f}            {semitone:4.1f} dB")
widths, semitones = np.transpose(list(seen.values()))
same = np.allclose(widths, [0.05, 0.11, 0.26, 0.48, 1.24, 2.55, 6.42], atol=0.006)
same &= np.allclose(semitones, [1.4, 4.1, 8.3, 10.5, 11.7, 11.9, 12.0], atol=0.06)
growth = [seen[2.0][0] / seen[1.0][0], seen[4.0][0] / seen[2.0][0]]
print(f"growth of the width from 1 to 2: {growth[0]:.1f}, from 2 to 4: {growth[1]:.1f}")
sys.exit(not (same and np.allclose(growth, [4.2, 5.3], atol=0.1)))
PYTHON
