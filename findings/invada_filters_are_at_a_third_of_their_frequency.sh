#!/usr/bin/env bash
# Invada's low-pass and high-pass filters of 1 kHz are 3 dB down at 325 and 340 Hz.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: Invada Studio Plugins 0.3.1 (Debian's invada-studio-plugins-ladspa 0.3.1-6+b1). Seen in
#   November 2026. The LV2 version at GitHub (BlokasLabs/invada-studio, inv_filter.c) has the same
#   formula.
# Guess: the plugin's filter has one pole, and its "Frequency (Hz)" is where it is 3 dB down.
# Behaviour: it is 3 dB down near this frequency divided by pi, about 1.6 octaves lower. By the
#   LV2 version's source, the time constant of the filter is rate / (2 f) samples, where
#   rate / (2 pi f) would be right for low frequencies. So a low-pass of 1 kHz is 10.2 dB down at
#   1 kHz, and a high-pass of 1 kHz is only 0.6 dB down there.
#
# Output seen (rate of 48 kHz):
#   low-pass of 100 Hz: -10.3 dB there, -3 dB at   32 Hz, f / 3.12
#   low-pass of 300 Hz: -10.3 dB there, -3 dB at   96 Hz, f / 3.12
#   low-pass of 1000 Hz: -10.2 dB there, -3 dB at  325 Hz, f / 3.08
#   high-pass of 100 Hz:  -0.4 dB there, -3 dB at   32 Hz, f / 3.12
#   high-pass of 300 Hz:  -0.5 dB there, -3 dB at   97 Hz, f / 3.09
#   high-pass of 1000 Hz:  -0.6 dB there, -3 dB at  340 Hz, f / 2.94
#
# Exits with 1 if the plugins behave differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download invada-studio-plugins-ladspa=0.3.1-6+b1
dpkg -x "$folder"/invada-studio-plugins-ladspa_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/inv_filter.so" <<'PYTHON'
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


def response(label, frequency):
    """The gain in dB at 1, 2, 3... Hz."""
    impulse = np.zeros(RATE)
    impulse[0] = 0.5
    output = play(label, frequency, 0.0, 0.0, impulse, np.zeros_like(impulse))[-1]
    return 20 * np.log10(np.abs(np.fft.rfft(output / 0.5)))[1:]


seen = []
for name, kind in (("low-pass", b"lp"), ("high-pass", b"hp")):
    for frequency in (100, 300, 1000):
        gain = response(b"invada_" + kind + b"_mono_filter_module_0_1", frequency)
        corner = np.argmin(np.abs(gain + 3.01)) + 1
        seen.append((corner, gain[frequency - 1]))
        place = f"{gain[frequency - 1]:5.1f} dB there, -3 dB at {corner:4d} Hz"
        print(f"{name} of {frequency} Hz: {place}, f / {frequency / corner:.2f}")
corners, there = np.transpose(seen)
same = np.allclose(corners, [32, 96, 325, 32, 97, 340], atol=1)
levels = [-10.3, -10.3, -10.2, -0.4, -0.5, -0.6]
sys.exit(not (same and np.allclose(there, levels, atol=0.06)))
PYTHON
