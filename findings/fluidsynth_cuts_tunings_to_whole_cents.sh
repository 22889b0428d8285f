#!/usr/bin/env bash
# FluidSynth cuts tunings to whole cents: it plays a pure fifth of 701.96 cents as 701.00 cents.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Library: FluidSynth 2.3.1 (Debian's libfluidsynth3 2.3.1-2). Seen in December 2026; the newest
#   source at GitHub (db85a59c, August 2026) does the same in fluid_ct2hz_real().
# Guess: fluid_synth_activate_key_tuning() takes the pitch of each key in cents as a double. So a
#   pure third is 386.31 cents, and two notes that are 0.90 cents apart beat slowly.
# Behaviour: by the source, the fraction of a cent is cut off before the pitch is looked up in a
#   table of 1200 cents per octave. So tunings are too low, by up to 0.96 cents here.
# Cost: pure intervals are not pure. A detuning of 0.90 cents has no effect.
#
# Output seen (a SoundFont with a sine, note 69 tuned to 6900 cents plus an interval, 44.1 kHz):
#   interval                told          played       too low by
#   pure fifth          701.96 cents   701.00 cents      0.96 cents
#   pure fourth         498.04 cents   498.00 cents      0.04 cents
#   pure third          386.31 cents   386.00 cents      0.31 cents
#   seventh 7/4         968.83 cents   968.00 cents      0.83 cents
#   unison                0.00 cents     0.00 cents      0.00 cents
#   slight detuning       0.90 cents     0.00 cents      0.90 cents
#   31-tone step         38.71 cents    38.00 cents      0.71 cents
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


def cents(interval):
    """The pitch of note 69 in cents above 441 Hz, if it is tuned to 6900 cents plus an interval."""
    settings = C.c_void_p(fluid.new_fluid_settings())
    synth = C.c_void_p(fluid.new_fluid_synth(settings))
    fluid.fluid_synth_sfload(synth, b"sine.sf2", 1)
    keys = (C.c_double * 128)(*(100 * key + interval for key in range(128)))
    assert not fluid.fluid_synth_activate_key_tuning(synth, 0, 0, b"tuning", keys, 1)
    assert not fluid.fluid_synth_activate_tuning(synth, 0, 0, 0, 1)
    fluid.fluid_synth_noteon(synth, 0, 69, 100)
    left, right = np.zeros((2, 2 * RATE), np.float32)
    data = [left.ctypes.data_as(C.c_void_p), 0, 1, right.ctypes.data_as(C.c_void_p), 0, 1]
    assert not fluid.fluid_synth_write_float(synth, len(left), *data)
    turns = np.unwrap(np.angle(hilbert(left.astype(float)))) / (2 * np.pi)
    return 1200 * np.log2((turns[3 * RATE // 2] - turns[RATE // 2]) / 441)


same, lows = True, []
print("interval                told          played       too low by")
intervals = {"pure fifth": 3 / 2, "pure fourth": 4 / 3, "pure third": 5 / 4, "seventh 7/4": 7 / 4}
intervals = {name: 1200 * np.log2(ratio) for name, ratio in intervals.items()}
intervals |= {"unison": 0.0, "slight detuning": 0.9, "31-tone step": 1200 / 31}
for name, told in intervals.items():
    played = cents(told)
    lows.append(told - played)
    same &= abs(played - np.floor(told)) < 0.02
    print(f"{name:18} {told:7.2f} cents {abs(played):8.2f} cents {abs(lows[-1]):9.2f} cents")
sys.exit(not (same and round(max(lows), 2) == 0.96))
PYTHON
