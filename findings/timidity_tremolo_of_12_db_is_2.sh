#!/usr/bin/env bash
# TiMidity++ plays a SoundFont's tremolo over a range of 12 dB as one of 2.2 dB.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: TiMidity++ 2.14.0 (Debian's timidity 2.14.0-8.1). Seen in December 2026.
# Guess: the generator modLfoToVolume is in centibels, by the SoundFont specification: at 60 the
#   modulation LFO moves the volume by 6 dB up and by 6 dB down, which is a range of 12 dB.
# Behaviour: the range is 2.2 dB at 60, and 3.3 dB at 120, where it should be 24 dB. A copy of the
#   source at GitHub (geofft/timidity, a47ff2f) turns a depth of d centibels into the amplitude
#   1 - 10^(-d / 200), and then moves the volume by only a quarter of that, up and down.
# Cost: a strong tremolo of a SoundFont becomes a weak one.
#
# Output seen (a sine, tremolo at 2 Hz, attenuated to leave headroom, no effects):
#   modLfoToVolume    lowest   highest     range   by the source   by the specification
#             0 cB  -23.8 dB  -23.7 dB    0.1 dB          0.0 dB                   0 dB
#            10 cB  -24.0 dB  -23.5 dB    0.5 dB          0.5 dB                   2 dB
#            30 cB  -24.4 dB  -23.1 dB    1.3 dB          1.3 dB                   6 dB
#            60 cB  -24.9 dB  -22.7 dB    2.2 dB          2.2 dB                  12 dB
#           120 cB  -25.5 dB  -22.2 dB    3.3 dB          3.3 dB                  24 dB
#
# Exits with 1 if TiMidity++ behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq -o APT::Sandbox::User="$(id -un)" download timidity=2.14.0-8.1 \
    libao4=1.2.2+20180113-1.1 libjack-jackd2-0=1.9.21~dfsg-3 libspeex1=1.2.1-2
for package in ./*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.15.3
HOME="$folder" LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" \
    "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import struct
import subprocess
import sys

import numpy as np
from scipy.io import wavfile
from scipy.signal import hilbert

RATE, folder = 44_100, sys.argv[1]


def chunk(name, *parts):
    """A chunk of a RIFF file; all parts have an even length."""
    return name + struct.pack("<I", len(b"".join(parts))) + b"".join(parts)


def soundfont(tremolo):
    """A looped sine of 441 Hz, whose volume the modulation LFO moves by some centibels at 2 Hz."""
    sine = np.round(16_000 * np.sin(2 * np.pi * np.arange(800) / 100)).astype("<i2").tobytes()
    name, two = (lambda text: text.ljust(20, b"\0")), struct.Struct("<HH").pack
    info = chunk(b"ifil", two(2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"sine")
    presets = name(b"sine") + bytes(18) + name(b"EOP") + bytes(4) + two(1, 0) + bytes(10)
    sample = struct.pack("<5IBbHH", 0, 800, 200, 600, RATE, 69, 0, 0, 1)
    tables = [chunk(b"phdr", presets), chunk(b"pbag", two(0, 0), two(1, 0))]
    tables += [chunk(b"pmod", bytes(10)), chunk(b"pgen", two(41, 0), bytes(4))]
    tables += [chunk(b"inst", name(b"sine"), b"\0\0", name(b"EOI"), b"\1\0")]
    tables += [chunk(b"ibag", two(0, 0), two(6, 0)), chunk(b"imod", bytes(10))]
    settings = {13: tremolo, 22: -2438, 21: -12_000, 48: 200, 54: 1, 53: 0}
    generators = b"".join(struct.pack("<Hh", *setting) for setting in settings.items())
    tables += [chunk(b"igen", generators, bytes(4))]
    tables += [chunk(b"shdr", name(b"sine"), sample, name(b"EOS"), bytes(26))]
    lists = [b"INFO" + info, b"sdta" + chunk(b"smpl", sine, bytes(92)), b"pdta" + b"".join(tables)]
    return chunk(b"RIFF", b"sfbk", *(chunk(b"LIST", part) for part in lists))


def levels(tremolo):
    """The lowest and highest level of four seconds of note 69, in dB."""
    with open(f"{folder}/sine.sf2", "wb") as file:
        file.write(soundfont(tremolo))
    with open(f"{folder}/sine.cfg", "w") as file:
        file.write(f"soundfont {folder}/sine.sf2\n")
    # 480 ticks per beat of 0.5 s: a note-on, and the note-off 3840 ticks later.
    track = bytes([0, 0x90, 69, 127, 0x9E, 0, 0x80, 69, 0, 0, 0xFF, 0x2F, 0])
    with open(f"{folder}/note.mid", "wb") as file:
        file.write(b"MThd" + struct.pack(">I3H", 6, 0, 1, 480))
        file.write(b"MTrk" + struct.pack(">I", len(track)) + track)
    command = [f"{folder}/usr/bin/timidity", "-c", f"{folder}/sine.cfg", "-Ow", "-s", str(RATE)]
    command += ["-EFreverb=0", "-EFchorus=0", "-EFdelay=0", "-o", f"{folder}/out.wav"]
    subprocess.run([*command, f"{folder}/note.mid"], check=True, capture_output=True)
    sound = wavfile.read(f"{folder}/out.wav")[1][:, 0] / 32_768
    level = 20 * np.log10(np.abs(hilbert(sound))[RATE : 3 * RATE])
    return np.percentile(level, 1), np.percentile(level, 99)


same = True
print("modLfoToVolume    lowest   highest     range   by the source   by the specification")
for tremolo in (0, 10, 30, 60, 120):
    low, high = levels(tremolo)
    quarter = (1 - 10 ** (-tremolo / 200)) / 4
    source = 20 * np.log10((1 + quarter) / (1 - quarter))
    same &= abs(high - low - source) < 0.1
    print(f"{tremolo:11} cB  {low:5.1f} dB  {high:5.1f} dB  {high - low:5.1f} dB", end="")
    print(f"   {source:10.1f} dB   {tremolo / 5:17.0f} dB")
sys.exit(not same)
PYTHON
