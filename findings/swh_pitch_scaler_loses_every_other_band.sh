#!/usr/bin/env bash
# swh-plugins' pitch scaler loses every other band of 47 Hz: A4 is 37 dB softer than B4.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: swh-plugins 0.4.17 (Debian's swh-plugins 0.4.17-2); pitchScaleHQ, "Higher Quality Pitch
#   Scaler". Seen in November 2026; also in the source at GitHub (util/pitchscale.c at 0f54d24).
# Guess: with a coefficient of 1 the sound stays as it is, and with any other coefficient all notes
#   keep about the same level.
# Behaviour: whole notes vanish, even with a coefficient of 1, and B4, in the middle of a band that
#   is passed, is 4.6 dB softer. By the source, the loop goes through the spectrum in steps of eight
#   bins and stores the magnitudes of the first four only, mb[0] to mb[3]. Those of the other four
#   stay 0. Four bins of the 4096-point FFT are 47 Hz at a rate of 48 kHz. So chords lose notes. The
#   other pitch scaler, pitchScale, uses the same function.
#
# Output seen (level against the input):
#   frequency   coefficient 1   coefficient 0.8
#      220 Hz         -4.9 dB           -7.8 dB
#      262 Hz        -53.1 dB          -87.6 dB
#      330 Hz        -12.2 dB           -9.9 dB
#      392 Hz         -5.4 dB           -8.0 dB
#      440 Hz        -41.4 dB          -35.1 dB
#      494 Hz         -4.6 dB           -5.9 dB
#      523 Hz        -18.9 dB          -13.1 dB
#      587 Hz         -4.6 dB          -13.3 dB
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download \
  swh-plugins=0.4.17-2 libfftw3-single3=3.3.10-1
dpkg -x "$folder"/swh-plugins_*.deb "$folder"
dpkg -x "$folder"/libfftw3-single3_*.deb "$folder"
export LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu"
export MALLOC_PERTURB_=255  # new memory holds zeros, so that all runs are alike
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/ladspa/pitch_scale_1194.so" <<'PYTHON'
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


def level(frequency, coefficient):
    """The level of a sine after the plugin, in dB."""
    sine = np.sin(2 * np.pi * frequency * np.arange(3 * RATE) / RATE)
    output = play(b"pitchScaleHQ", coefficient, sine, np.zeros_like(sine), 0.0)[2]
    return 10 * np.log10(2 * np.mean(output[RATE:] ** 2))


print("frequency   coefficient 1   coefficient 0.8")
seen = []
for frequency in (220, 262, 330, 392, 440, 494, 523, 587):
    seen.append((level(frequency, 1.0), level(frequency, 0.8)))
    print(f"   {frequency} Hz        {seen[-1][0]:5.1f} dB          {seen[-1][1]:5.1f} dB")
told = [[-4.9, -7.8], [-53.1, -87.6], [-12.2, -9.9], [-5.4, -8.0], [-41.4, -35.1], [-4.6, -5.9],
        [-18.9, -13.1], [-4.6, -13.3]]
sys.exit(not np.allclose(seen, told, atol=0.3))
PYTHON
