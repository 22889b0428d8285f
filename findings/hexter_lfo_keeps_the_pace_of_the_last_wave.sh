#!/usr/bin/env bash
# hexter's LFO keeps the pace of the last voice: a sine vibrato after a triangle is twice as fast.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: hexter 1.1.1 (Debian's hexter 1.1.1-1), a DX7 as a DSSI plugin. Seen in November 2026;
#   1.1.1 is also the newest source at GitHub (1cf1bfe).
# Guess: the vibrato of a voice follows from the LFO speed and the wave of that voice. Speed 35 is
#   5.57 Hz in the source's table of LFO frequencies.
# Behaviour: dx7_lfo_set() uses the new wave from its first note on. But it sets the step per sample
#   only if the speed differs from that of the note before, or if the new voice has LFO key sync. If
#   not, the new wave runs with the step of the old one. So a sine after a triangle is twice as
#   fast, a square after a triangle or a falling sawtooth is half as fast, and a sine after a square
#   stands still here.
# Cost: a voice with LFO key sync off sounds different after a voice of equal LFO speed, other wave.
# Workaround: turn LFO key sync on, or make the LFO speeds of the voices different.
#
# Output seen (48 kHz; the second voice holds A4 after the first voice played A4 for one second):
#   first voice   second voice (speed 35)    its vibrato
#   triangle, 35  triangle, key sync off   5.57 Hz, 400 cents
#   sine    , 35  sine    , key sync off   5.56 Hz, 421 cents
#   square  , 35  square  , key sync off   5.57 Hz, 427 cents
#   triangle, 35  sine    , key sync off  11.13 Hz, 415 cents
#   triangle, 35  square  , key sync off   2.78 Hz, 427 cents
#   saw down, 35  square  , key sync off   2.78 Hz, 427 cents
#   square  , 35  sine    , key sync off   0.00 Hz,   0 cents
#   triangle, 34  sine    , key sync off   5.56 Hz, 421 cents
#   triangle, 35  sine    , key sync on    5.56 Hz, 421 cents
#   square  , 35  sine    , key sync on    5.56 Hz, 421 cents
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download hexter=1.1.1-1)
dpkg -x "$folder"/hexter_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.15.3
"$folder/venv/bin/python" - "$folder/usr/lib/dssi/hexter.so" <<'PYTHON'
import ctypes as C
import string
import sys

import numpy as np
from scipy.signal import hilbert

RATE = 48_000
WAVES = ("triangle", "saw down", "saw up", "square", "sine")
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
V, L, S = C.c_void_p, C.c_ulong, C.c_char_p
# A sequencer event of ALSA. Its types 6 and 7 are note on and note off.
EVENT = np.dtype([("type", "u1"), ("x", "u1", 11), ("y", "u1", 4), ("data", "u1", 12)])


class Ladspa(C.Structure):
    _fields_ = [(f"x{i}", V) for i in range(11)]
    _fields_ += [("instantiate", C.CFUNCTYPE(V, V, L)), ("connect", C.CFUNCTYPE(None, V, L, V))]
    _fields_ += [("activate", C.CFUNCTYPE(None, V))]


class Dssi(C.Structure):
    _fields_ = [("version", C.c_int), ("ladspa", C.POINTER(Ladspa))]
    _fields_ += [("configure", C.CFUNCTYPE(V, V, S, S)), ("x", V), ("y", V), ("z", V)]
    _fields_ += [("run", C.CFUNCTYPE(None, V, L, V, L))]


class Hexter:
    def __init__(self):
        find = C.CDLL(sys.argv[1]).dssi_descriptor
        find.restype = C.POINTER(Dssi)
        self.dssi = find(0).contents
        self.ladspa = self.dssi.ladspa.contents
        self.handle = self.ladspa.instantiate(self.dssi.ladspa, RATE)
        self.ports = np.array([0, 440, 0], np.float32)  # output, tuning in Hz, dB
        for i in (1, 2):
            self.ladspa.connect(self.handle, i, self.ports[i:].ctypes.data)
        self.ladspa.activate(self.handle)

    def load(self, voice):
        """The edit buffer of program 0: 7 bits of each byte, in digits of 6 bits, and their sum."""
        data = bytes([0, 0, 0, 0, *voice, 0])
        bits = "".join(f"{each:07b}" for each in data)
        bits += "0" * (-len(bits) % 6)
        text = "".join(DIGITS[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))
        value = f"{len(data)} {text} {sum(data)}".encode()
        assert not self.dssi.configure(self.handle, b"edit_buffer", value)

    def play(self, samples, kind):
        sound = np.zeros(samples, np.float32)
        event = np.zeros(1, EVENT)
        event["type"], event["data"][0, :3] = kind, (0, 69, 100)
        self.ladspa.connect(self.handle, 0, sound.ctypes.data)
        self.dssi.run(self.handle, samples, event.ctypes.data, 1)
        return sound


def voice(wave, speed=35, sync=0):
    """A DX7 voice: one sine carrier in algorithm 32, with a vibrato of depth 99, sensitivity 5."""
    operators = [[99] * 7 + [0] * 9 + [level, 0, 1, 0, 7] for level in (0, 0, 0, 0, 0, 99)]
    lfo = [speed, 0, 99, 0, sync, WAVES.index(wave), 5]
    return [*sum(operators, []), *[99] * 4, *[50] * 4, 31, 0, 1, *lfo, 24, *b"VIBRATO   "]


def vibrato(first, second):
    """The rate (Hz) and depth (cents) of the second voice's vibrato, after the first voice."""
    hexter = Hexter()
    hexter.load(first)
    hexter.play(RATE, 6)
    hexter.play(RATE // 10, 7)
    hexter.load(second)
    turns = np.unwrap(np.angle(hilbert(hexter.play(5 * RATE, 6)))) / (2 * np.pi)
    cents = 1200 * np.log2(np.diff(turns)[RATE // 10 : -RATE // 10] * RATE / 440)
    cents = np.convolve(cents, np.full(480, 1 / 480), "valid")
    middle, depth = (cents.max() + cents.min()) / 2, (cents.max() - cents.min()) / 2
    ups = np.flatnonzero((cents[:-1] < middle) & (cents[1:] >= middle))
    return (RATE / np.diff(ups).mean() if depth > 1 else 0), depth


same = True
cases = [("triangle", 35, "triangle", "off", 5.57), ("sine", 35, "sine", "off", 5.57)]
cases += [("square", 35, "square", "off", 5.57), ("triangle", 35, "sine", "off", 11.13)]
cases += [("triangle", 35, "square", "off", 2.78), ("saw down", 35, "square", "off", 2.78)]
cases += [("square", 35, "sine", "off", 0), ("triangle", 34, "sine", "off", 5.57)]
cases += [("triangle", 35, "sine", "on", 5.57), ("square", 35, "sine", "on", 5.57)]
print("first voice   second voice (speed 35)    its vibrato")
for wave, speed, second, sync, seen in cases:
    rate, depth = vibrato(voice(wave, speed), voice(second, sync=sync == "on"))
    print(f"{wave:8}, {speed}  {second:8}, key sync {sync:3}  {rate:5.2f} Hz, {depth:3.0f} cents")
    same &= abs(rate - seen) < 0.03 and (390 < depth < 440 if seen else depth < 1)
sys.exit(not same)
PYTHON
