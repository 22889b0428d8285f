#!/usr/bin/env bash
# swh-plugins' state variable filter as a high-pass of 1 kHz has 50 Hz only 6 to 7 dB below 16 kHz.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: swh-plugins 0.4.17 (Debian's swh-plugins 0.4.17-2); svf, "State Variable Filter", type 2
#   ("HP"). Seen in November 2026; also in the source at GitHub (svf_1214.xml at 0f54d24).
# Guess: the high-pass output of a state variable filter falls by 12 dB per octave below its cutoff.
#   A high-pass of 1 kHz leaves 52 dB less of 50 Hz than of the treble.
# Behaviour: the high-pass levels off. At each Q that was tried, 50 Hz is 6 to 7 dB below 16 kHz, so
#   it is a shelf rather than a high-pass. The low-pass does fall. The source runs the filter three
#   times per sample, and each run takes the output of the one before as its input.
# Cost: rumble and bass stay in a sound that was to lose them.
#
# Output seen (sines of amplitude 0.01, resonance 0, 48 kHz, levels in dB):
#                     50    100    200    500   1000   4000  16000 Hz
#   high-pass, Q 0      -5.6   -5.5   -5.1   -4.0   -2.9   -0.4    1.3
#   high-pass, Q 0.25  -12.6  -12.5  -12.2   -9.7   -2.6   -4.9   -6.4
#   high-pass, Q 0.5   -15.3  -15.2  -14.9  -12.3   -4.0   -7.6   -9.2
#   high-pass, Q 0.75  -18.6  -18.5  -18.1  -15.5   -6.7  -10.9  -12.5
#   low-pass,  Q 0.25   -6.7   -6.5   -6.0   -3.1  -14.0  -39.9  -61.1
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download swh-plugins=0.4.17-2)
dpkg -x "$folder"/swh-plugins_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/svf_1214.so" <<'PYTHON'
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


def levels(kind, cutoff, q, frequencies, seconds=2):
    """Returns how many dB louder sines come out than they go in, in the second half."""
    time = np.arange(seconds * RATE) / RATE
    for frequency in frequencies:
        sine = 0.01 * np.sin(2 * np.pi * frequency * time)
        output = play(b"svf", sine, 0 * sine, kind, cutoff, q, 0)[1]
        yield 20 * np.log10(output[RATE:].std() / sine[RATE:].std())


frequencies = [50, 100, 200, 500, 1000, 4000, 16_000]
print("             ", *(f"{frequency:>6}" for frequency in frequencies), "Hz")
same = True
for q in [0, 0.25, 0.5, 0.75]:
    high = np.array([*levels(2, 1000, q, frequencies)])
    print(f"high-pass, Q {q:<4}", *(f"{level:6.1f}" for level in high))
    same &= 6 < high[-1] - high[0] < 7 and abs(high[0] - high[1]) < 0.2
low = np.array([*levels(1, 1000, 0.25, frequencies)])
print("low-pass,  Q 0.25", *(f"{level:6.1f}" for level in low))
sys.exit(not (same and low[0] - low[-1] > 50))
PYTHON
