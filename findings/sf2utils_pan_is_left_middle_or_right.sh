#!/usr/bin/env bash
# sf2utils reads a zone of a SoundFont that is 1 % right of the middle as hard right.
#
# Library: sf2utils 1.0.0 (PyPI), a reader of SoundFonts; control: tinysoundfont 0.3.7, a player.
# Guess: pan of a zone is from -0.5 (left) to 0.5 (right), as its bounds say. The format counts in
#   0.1 %, so 250 is 0.25, and the player has 4.8 dB between the two sides.
# Behaviour: the value is made a percentage (25.0) and then clipped to -0.5 and 0.5. So all but the
#   nine values from -0.4 to 0.4 % are hard left or hard right. The text of pretty_print is right
#   ("pan 25.0%"). A patch made from it has only the widest stereo: the zones of a drum kit or a
#   piano that lie a few per cent apart come from the two speakers.
#
# Output seen:
#   -40.0 % in the file: pan -0.5; a player: right  -9.5 dB
#   -25.0 % in the file: pan -0.5; a player: right  -4.8 dB
#    -2.0 % in the file: pan -0.5; a player: right  -0.3 dB
#    -0.3 % in the file: pan -0.3; a player: right  -0.1 dB
#     0.0 % in the file: pan  0.0; a player: right   0.0 dB
#     0.3 % in the file: pan  0.3; a player: right   0.1 dB
#     2.0 % in the file: pan  0.5; a player: right   0.3 dB
#    25.0 % in the file: pan  0.5; a player: right   4.8 dB
#    40.0 % in the file: pan  0.5; a player: right   9.5 dB
#
# Exits with 1 if sf2utils behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 sf2utils==1.0.0
# Without its dependency pyaudio, which only plays through a sound card.
"$folder/venv/bin/pip" install --quiet --no-deps tinysoundfont==0.3.7
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import struct
import sys

import numpy as np
import tinysoundfont
from sf2utils.sf2parse import Sf2File

RATE = 44_100


def chunk(tag, *parts):
    data = b"".join(parts)
    return tag + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def sound_font(pan):
    """A looped sine with a pan, in 0.1 %."""
    wave = 16_384 * np.sin(2 * np.pi * 440.0 * np.arange(RATE) / RATE)
    sample = struct.pack("<5IBbHH", 0, RATE, 0, RATE, RATE, 69, 0, 0, 1)
    generators = struct.pack("<6h", 17, pan, 54, 1, 53, 0)  # pan, looped, sample 0
    articulation = [
        chunk(b"phdr", struct.pack("<20s18x20s3H12x", b"P", b"EOP", 0, 0, 1)),
        chunk(b"pbag", struct.pack("<4H", 0, 0, 1, 0)) + chunk(b"pmod", bytes(10)),
        chunk(b"pgen", struct.pack("<4H", 41, 0, 0, 0)),
        chunk(b"inst", struct.pack("<20sH20sH", b"I", 0, b"EOI", 1)),
        chunk(b"ibag", struct.pack("<4H", 0, 0, 3, 0)) + chunk(b"imod", bytes(10)),
        chunk(b"igen", generators, bytes(4)),
        chunk(b"shdr", b"S".ljust(20, b"\0"), sample, b"EOS".ljust(46, b"\0")),
    ]
    info = chunk(b"LIST", b"INFO", chunk(b"ifil", struct.pack("<2H", 2, 1)))
    sound = chunk(b"LIST", b"sdta", chunk(b"smpl", wave.astype("<i2").tobytes(), bytes(92)))
    return chunk(b"RIFF", b"sfbk", info, sound, chunk(b"LIST", b"pdta", *articulation))


def played(font):
    """How much louder the right side is, in dB."""
    synth = tinysoundfont.Synth(samplerate=RATE)
    synth.program_select(0, synth.sfload(font), 0, 0)
    synth.noteon(0, 69, 127)
    sides = np.frombuffer(bytes(synth.generate(RATE)), np.float32).reshape(-1, 2)
    left, right = np.sqrt(np.mean(sides[RATE // 2 :] ** 2, axis=0))
    return 20 * np.log10(right / left)


seen = {}
for pan in (-400, -250, -20, -3, 0, 3, 20, 250, 400):
    zone = Sf2File(io.BytesIO(sound_font(pan))).instruments[0].bags[0]
    seen[pan] = zone.pan
    decibels = played(sound_font(pan)) + 0.0
    print(f"{pan / 10:5.1f} % in the file: pan {zone.pan:4.1f}; a player: right {decibels:5.1f} dB")
wrong = {-400: -0.5, -250: -0.5, -20: -0.5, 0: 0.0, 20: 0.5, 250: 0.5, 400: 0.5}
sys.exit(any(abs(seen[pan] - value) > 1e-9 for pan, value in wrong.items()))
PYTHON
