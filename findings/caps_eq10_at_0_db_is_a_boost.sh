#!/usr/bin/env bash
# CAPS' ten-band equaliser boosts by about 3.6 dB with all bands at 0 dB.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: CAPS 0.9.26 (Debian's caps 0.9.26-1), the C* Audio Plugin Suite; Eq10. Seen in November
#   2026. The LV2 port at GitHub (mod-audio/caps-lv2, Eq.cc and dsp/Eq.h at 5d52a0c) has the same Q
#   and corrections.
# Guess: with all bands at 0 dB the sound stays as it is: a comment in Eq.cc says of its corrections
#   "to keep response optimally flat at 0 dB gain in all bands". A band at -48 dB is nearly removed.
# Behaviour: at 0 dB the bands from 63 Hz to 8 kHz are 3.5 to 4.0 dB too loud, and the bands at both
#   ends are 2.7 and 1.6 dB too loud. So a comparison with and without the equaliser favours it. By
#   the source, the output is the sum of the bands, which are wide (a Q of 0.707). So the neighbours
#   fill each dip: a sound of 1 kHz with that band at -48 dB is 1.3 dB softer than the input, and
#   only 4.9 dB softer than with the band at 0 dB.
#
# Output seen (response in dB at 48 kHz):
#   Hz                    31     63    125    250    500   1000   2000   4000   8000  16000
#   all at 0 dB          2.7    3.5    3.6    3.6    3.6    3.6    3.8    4.0    4.0    1.6
#   1 kHz at -48 dB      2.6    3.3    3.4    3.1    1.8   -1.3    2.1    3.6    3.8    1.5
#   1 kHz at +12 dB      3.1    3.9    4.4    5.6    8.5   10.9    8.5    5.9    4.7    2.1
#
# Exits with 1 if CAPS behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download caps=0.9.26-1
dpkg -x "$folder"/caps_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/caps.so" <<'PYTHON'
import ctypes as C
import itertools
import sys

import numpy as np

RATE = 48_000
BANDS = np.array([31, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000])


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


def response(gains):
    """The gain in dB at the middle of each band."""
    impulse = np.zeros(RATE)
    impulse[0] = 0.5
    output = play(b"Eq10", *gains, impulse, np.zeros_like(impulse))[-1]
    return 20 * np.log10(np.abs(np.fft.rfft(output / 0.5))[BANDS])


def show(name, values, digits=1):
    print(f"{name:17}" + "".join(f"{value:7.{digits}f}" for value in values))


kilohertz = BANDS == 1000
show("Hz", BANDS, 0)
flat, cut, boost = [response(gain * kilohertz) for gain in (0.0, -48.0, 12.0)]
show("all at 0 dB", flat)
show("1 kHz at -48 dB", cut)
show("1 kHz at +12 dB", boost)
told = [[2.7, 3.5, 3.6, 3.6, 3.6, 3.6, 3.8, 4.0, 4.0, 1.6],
        [2.6, 3.3, 3.4, 3.1, 1.8, -1.3, 2.1, 3.6, 3.8, 1.5],
        [3.1, 3.9, 4.4, 5.6, 8.5, 10.9, 8.5, 5.9, 4.7, 2.1]]
sys.exit(not np.allclose([flat, cut, boost], told, atol=0.06))
PYTHON
