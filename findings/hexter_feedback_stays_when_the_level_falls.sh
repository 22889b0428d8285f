#!/usr/bin/env bash
# hexter's feedback hardly falls with the operator's level, so a soft operator keeps its overtones.
# Needs Debian 12 on amd64 (or a system with its apt and libc), and the lists of "apt-get update".
#
# Library: hexter 1.1.1 (Debian's hexter 1.1.1-1), a DX7 as a DSSI plugin. Seen in November 2026;
#   1.1.1 is also the newest source at GitHub (1cf1bfe). Dexed's engine is dexed-py 0.3.0.
# Guess: an operator's feedback is its own output. So a softer operator has weaker feedback and a
#   purer tone, dB for dB, and each step of feedback from 1 to 5 adds 6 dB. Dexed does both.
# Behaviour: the source multiplies the sine that is fed back by the level on its scale from 0 to 99,
#   not by the amplitude of that level, and by the feedback from 0 to 7. So level 50 is 37 dB softer
#   than level 99, but its second harmonic falls by only 4 dB against the first. In Dexed it falls
#   by 32 dB. And feedback 1 is a seventh of feedback 7. At feedback 7 and level 99 hexter and Dexed
#   agree within 1 dB. The project's TODO doubts only the constant factor of 0.18.
# Cost: in algorithm 32, soft operators with feedback are too bright, and so is feedback of 1 to 5.
#
# Output seen (A4, operator 6 alone, algorithm 32; the second harmonic is against the first):
#   feedback  output level  hexter: level, second harmonic   Dexed: level, second harmonic
#          7            99         0.0 dB        -7.0 dB            0.0 dB        -7.2 dB
#          7            80       -14.3 dB        -8.2 dB          -13.2 dB       -16.6 dB
#          7            60       -29.2 dB        -9.6 dB          -28.3 dB       -31.5 dB
#          7            50       -36.7 dB       -10.8 dB          -35.8 dB       -39.0 dB
#          5            99         0.1 dB        -8.7 dB            1.1 dB       -14.5 dB
#          4            99         0.2 dB        -9.9 dB            1.1 dB       -20.2 dB
#          3            99         0.2 dB       -12.0 dB            1.1 dB       -26.2 dB
#          2            99         0.2 dB       -15.1 dB            1.1 dB       -32.2 dB
#          1            99         0.3 dB       -21.0 dB            1.1 dB       -38.2 dB
#
# Exits with 1 if the plugin behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download hexter=1.1.1-1)
dpkg -x "$folder"/hexter_*.deb "$folder"
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dexed-py==0.3.0 numpy==2.2.6
"$folder/venv/bin/python" - "$folder/usr/lib/dssi/hexter.so" <<'PYTHON'
import ctypes as C
import string
import sys

import numpy as np
from dexed import DexedSynth, Patch

RATE = 48_000
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
V, L, S = C.c_void_p, C.c_ulong, C.c_char_p
# A sequencer event of ALSA. Its type 6 is a note on.
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

    def play(self):
        sound = np.zeros(RATE, np.float32)
        event = np.zeros(1, EVENT)
        event["type"], event["data"][0, :3] = 6, (0, 69, 100)
        self.ladspa.connect(self.handle, 0, sound.ctypes.data)
        self.dssi.run(self.handle, RATE, event.ctypes.data, 1)
        return sound


def play_hexter(feedback, level):
    """Plays A4 with operator 6 alone, in algorithm 32."""
    operators = [[99] * 7 + [0] * 9 + [each, 0, 1, 0, 7] for each in (level, 0, 0, 0, 0, 0)]
    lfo = [35, 0, 0, 0, 0, 0, 0]
    hexter = Hexter()
    pitch_envelope = [99] * 4 + [50] * 4
    name = b"FEEDBACK  "
    hexter.load([*sum(operators, []), *pitch_envelope, 31, feedback, 1, *lfo, 24, *name])
    return hexter.play()


def play_dexed(feedback, level):
    patch = Patch()
    patch.algorithm, patch.feedback = 32, feedback
    for i in range(6):
        patch.op[i].output_level = level if i == 5 else 0
    synth = DexedSynth(sample_rate=RATE)
    synth.load_patch(patch)
    return synth.render(midi_note=69, velocity=100, note_duration=1.0, render_duration=1.0)


def measure(sound):
    """The level of the sound, and of its second harmonic against its first (dB)."""
    time = np.arange(RATE // 2) / RATE
    part = np.asarray(sound, float)[RATE // 4 : RATE * 3 // 4]
    part *= np.hanning(RATE // 2)
    first, second = (abs(part @ np.exp(-2j * np.pi * 440 * k * time)) for k in (1, 2))
    return 10 * np.log10(np.mean(part**2)), 20 * np.log10(second / first)


# Feedback and output level; level and second harmonic in hexter, and in Dexed.
cases = [(7, 99, 0, -7.0, 0, -7.2), (7, 80, -14.3, -8.2, -13.2, -16.6)]
cases += [(7, 60, -29.2, -9.6, -28.3, -31.5), (7, 50, -36.7, -10.8, -35.8, -39)]
cases += [(5, 99, 0.1, -8.7, 1.1, -14.5), (4, 99, 0.2, -9.9, 1.1, -20.2)]
cases += [(3, 99, 0.2, -12, 1.1, -26.2), (2, 99, 0.3, -15.1, 1.1, -32.2)]
cases += [(1, 99, 0.3, -21, 1.1, -38.2)]
loudest = {play: measure(play(7, 99))[0] for play in (play_hexter, play_dexed)}
same = True
print("feedback  output level  hexter: level, second harmonic   Dexed: level, second harmonic")
for feedback, level, *seen in cases:
    row = []
    for play, most in loudest.items():
        loudness, second = measure(play(feedback, level))
        row += [loudness - most, second]
    print(f"{feedback:8}  {level:12}  {row[0]:10.1f} dB {row[1]:11.1f} dB"
          f"  {row[2]:13.1f} dB {row[3]:11.1f} dB")
    same &= all(abs(new - old) < 0.3 for new, old in zip(row, seen))
sys.exit(not same)
PYTHON
