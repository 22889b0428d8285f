#!/usr/bin/env bash
# FluidSynth's pitch bends are short of their range: 12 semitones are 1190 cents, 48 are 4761.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: FluidSynth 2.3.1 (Debian's libfluidsynth3 2.3.1-2). Seen in December 2026; the newest
#   source at GitHub (db85a59c, August 2026) has the formula below.
# Guess: the pitch bend range (RPN 0) is in semitones, as MIDI says. The wheel at its top (8191 of
#   8192) raises a note by that, and the bottom lowers it by that.
# Behaviour: bends are about 127/128 of that. By the source (fluid_mod.c and fluid_synth.c), the
#   range is a modulator's source like others. Since pull request 1152 these are divided by 128
#   instead of 127, as the SoundFont specification says. The range is still multiplied by 12,700
#   cents.
# Cost: 1.5 cents at the default range of 2 semitones, but 38 cents at 48, the usual range of MPE.
#
# Output seen (a SoundFont with a sine, note 69, a rate of 44.1 kHz):
#   range           wheel down        wheel up   short of the range by
#    2 semitones   -199.0 cents     198.0 cents           1.5 cents
#    7 semitones   -695.0 cents     694.0 cents           5.5 cents
#   12 semitones  -1191.0 cents    1190.0 cents           9.5 cents
#   24 semitones  -2382.0 cents    2380.0 cents          19.0 cents
#   48 semitones  -4763.1 cents    4761.0 cents          38.0 cents
#
# Exits with 1 if FluidSynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download libfluidsynth3=2.3.1-2 \
    libinstpatch-1.0-2=1.1.6-1 libsdl2-2.0-0=2.26.5+dfsg-1 libjack-jackd2-0=1.9.21~dfsg-3 \
    libsamplerate0=0.2.2-3 libxcursor1=1:1.2.1-1 libxi6=2:1.8-1+b1 libxfixes3=1:6.0.0-2 \
    libxrandr2=2:1.5.2-2+b1 libxss1=1:1.2.3-1 libwayland-egl1=1.21.0-1 \
    libwayland-client0=1.21.0-1 libwayland-cursor0=1.21.0-1 libdecor-0-0=0.1.1-2
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.15.3
LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" "$folder/venv/bin/python" - <<'PYTHON'
import ctypes as C
import struct
import sys

import numpy as np
from scipy.signal import hilbert

RATE = 44_100


def chunk(name, *parts):
    """A chunk of a RIFF file; all parts have an even length."""
    return name + struct.pack("<I", len(b"".join(parts))) + b"".join(parts)


def soundfont():
    """One preset, one instrument, one looped sine of 441 Hz whose root is note 69."""
    sine = np.round(16_000 * np.sin(2 * np.pi * np.arange(800) / 100)).astype("<i2").tobytes()
    name, two = (lambda text: text.ljust(20, b"\0")), struct.Struct("<HH").pack
    info = chunk(b"ifil", two(2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"sine")
    presets = name(b"sine") + bytes(18) + name(b"EOP") + bytes(4) + two(1, 0) + bytes(10)
    sample = struct.pack("<5IBbHH", 0, 800, 200, 600, RATE, 69, 0, 0, 1)
    tables = [chunk(b"phdr", presets), chunk(b"pbag", two(0, 0), two(1, 0))]
    tables += [chunk(b"pmod", bytes(10)), chunk(b"pgen", two(41, 0), bytes(4))]
    tables += [chunk(b"inst", name(b"sine"), b"\0\0", name(b"EOI"), b"\1\0")]
    tables += [chunk(b"ibag", two(0, 0), two(2, 0)), chunk(b"imod", bytes(10))]
    tables += [chunk(b"igen", two(54, 1), two(53, 0), bytes(4))]
    tables += [chunk(b"shdr", name(b"sine"), sample, name(b"EOS"), bytes(26))]
    lists = [b"INFO" + info, b"sdta" + chunk(b"smpl", sine, bytes(92)), b"pdta" + b"".join(tables)]
    return chunk(b"RIFF", b"sfbk", *(chunk(b"LIST", part) for part in lists))


with open("sine.sf2", "wb") as file:
    file.write(soundfont())
fluid = C.CDLL("libfluidsynth.so.3")
fluid.new_fluid_settings.restype = fluid.new_fluid_synth.restype = C.c_void_p


def cents(semitones, wheel):
    """The pitch of note 69 in cents above 441 Hz, for a bend range and a wheel of 0 to 16383."""
    settings = C.c_void_p(fluid.new_fluid_settings())
    synth = C.c_void_p(fluid.new_fluid_synth(settings))
    fluid.fluid_synth_sfload(synth, b"sine.sf2", 1)
    for control, value in ((101, 0), (100, 0), (6, semitones), (38, 0)):
        fluid.fluid_synth_cc(synth, 0, control, value)
    fluid.fluid_synth_pitch_bend(synth, 0, wheel)
    fluid.fluid_synth_noteon(synth, 0, 69, 100)
    left, right = np.zeros((2, 2 * RATE), np.float32)
    data = [left.ctypes.data_as(C.c_void_p), 0, 1, right.ctypes.data_as(C.c_void_p), 0, 1]
    assert not fluid.fluid_synth_write_float(synth, len(left), *data)
    turns = np.unwrap(np.angle(hilbert(left.astype(float)))) / (2 * np.pi)
    return 1200 * np.log2((turns[3 * RATE // 2] - turns[RATE // 2]) / 441)


same = abs(cents(2, 8192)) < 0.1
expected = {2: (-199, 198), 7: (-695, 694), 12: (-1191, 1190), 24: (-2382, 2380)}
expected[48] = (-4763, 4761)
print("range           wheel down        wheel up   short of the range by")
for semitones, bends in expected.items():
    down, up = cents(semitones, 0), cents(semitones, 16_383)
    short = 100 * semitones - (up - down) / 2
    same &= np.allclose((down, up), bends, rtol=0, atol=0.2)
    same &= abs(short - 100 * semitones / 128) < 0.7
    print(f"{semitones:2} semitones {down:8.1f} cents {up:9.1f} cents {short:13.1f} cents")
sys.exit(not same)
PYTHON
