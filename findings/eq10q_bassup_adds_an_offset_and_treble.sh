#!/usr/bin/env bash
# EQ10Q's BassUp adds an offset larger than the sound, and an octave to treble and bass alike.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Plugin: EQ10Q 2.2 (Debian's eq10q 2.2~repack0-4), LV2; BassUp. Seen in December 2026. A copy of
#   the source at GitHub (bepzi/eq10q, 0544012) has the same code.
# Guess: it makes overtones of the bass. The source rectifies the sound, and filters that with four
#   high-pass filters of 50 Hz and a low-pass filter of 200 Hz.
# Behaviour: the offset of the rectified sound gets through, and so do octaves at 2 kHz and 16 kHz.
#   By the source, each call of calcCoefs() moves a filter one small step from "off" to "on". BassUp
#   calls it once per filter, so its filters stay nearly off.
# Cost: at the highest amount, 6, the offset is up to 3.8 times the amplitude. A sine of 8 kHz gets
#   an octave that is 10.8 dB louder than itself.
#
# Output seen (sines of amplitude 0.1 at 48 kHz, amount 6; relative to the input):
#      input   offset / amplitude   fundamental   octave above
#      50 Hz                 3.80        0.0 dB         8.1 dB
#     200 Hz                 3.80        0.0 dB         8.1 dB
#    1000 Hz                 3.79        0.0 dB         8.1 dB
#    8000 Hz                 3.44        0.0 dB        10.8 dB
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download eq10q=2.2~repack0-4
dpkg -x "$folder"/eq10q_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/lv2/sapistaEQv2.lv2/" <<'PYTHON'
import ctypes as C
import sys

import numpy as np

RATE, V, S = 48_000, C.c_void_p, C.c_char_p


class Plugin(C.Structure):
    """An LV2 plugin, up to the function that runs it."""

    _fields_ = [("uri", S), ("instantiate", C.CFUNCTYPE(V, V, C.c_double, S, V))]
    _fields_ += [("connect", C.CFUNCTYPE(None, V, C.c_uint32, V))]
    _fields_ += [("activate", C.CFUNCTYPE(None, V)), ("run", C.CFUNCTYPE(None, V, C.c_uint32))]


def play(name, sound, controls):
    """Returns a sound after a plugin; its ports are output, input and then the controls."""
    find = C.CDLL(sys.argv[1] + name).lv2_descriptor
    find.restype = C.POINTER(Plugin)
    plugin = find(0).contents
    features = np.zeros(1, np.uint64)
    handle = plugin.instantiate(C.byref(plugin), RATE, sys.argv[1].encode(), features.ctypes.data)
    ports = [np.zeros(len(sound)), sound, *np.reshape(controls, (-1, 1))]
    ports = [port.astype(np.float32) for port in ports]
    for i, port in enumerate(ports):
        plugin.connect(handle, i, port.ctypes.data)
    if C.cast(plugin.activate, V).value:
        plugin.activate(handle)
    plugin.run(handle, len(sound))
    return ports[0].astype(float)


seen = []
print("   input   offset / amplitude   fundamental   octave above")
for pitch in (50, 200, 1000, 8000):
    sine = 0.1 * np.sin(2 * np.pi * pitch / RATE * np.arange(2 * RATE))
    spectrum = np.abs(np.fft.rfft(play("bassup.so", sine, [6])[RATE:])) / RATE / 0.1
    levels = (20 * np.log10(2 * spectrum[[pitch, 2 * pitch]])).round(2) + 0
    seen.append((spectrum[0], *levels))
    print(f"{pitch:5} Hz   {spectrum[0]:18.2f}   {levels[0]:8.1f} dB   {levels[1]:9.1f} dB")
expected = [(3.8, 0, 8.1), (3.8, 0, 8.1), (3.8, 0, 8.1), (3.44, 0, 10.8)]
sys.exit(not np.allclose(seen, expected, rtol=0, atol=0.06))
PYTHON
