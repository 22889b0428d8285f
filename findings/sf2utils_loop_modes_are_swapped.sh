#!/usr/bin/env bash
# sf2utils says that a looped SoundFont sample stops at the end of the note when it goes on.
#
# Library: sf2utils 1.0.0 (PyPI), a reader of SoundFonts; control: tinysoundfont 0.3.7, a player.
# Guess: sample_loop_on_noteoff is true of a sample that loops on through its release (sampleModes
#   1) and false of one that leaves its loop at note-off to play its tail (sampleModes 3).
# Behaviour: it is the other way round: it is bit 1 of the value, which means leave the loop. The
#   text of pretty_print is swapped too: 1 is "until note-off", and 3 is "even after note-off". So
#   a sampler patch made from it cuts each looped release short, and never plays the recorded tail
#   of an organ or a piano that has one. Most looped samples have 1.
#
# Output seen:
#   sampleModes 1: sample_loop_on_noteoff False, 'sample loop (until note-off)'
#     a player plays 440 Hz after note-off (loop 440, tail 1760)
#   sampleModes 3: sample_loop_on_noteoff True, 'sample loop (even after note-off)'
#     a player plays 1760 Hz after note-off (loop 440, tail 1760)
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
START, END = RATE // 10, RATE // 2


def chunk(tag, *parts):
    data = b"".join(parts)
    return tag + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def sound_font(mode):
    """A sample of a second: 440 Hz up to the end of the loop, then a tail of 1,760 Hz."""
    times = np.arange(RATE) / RATE
    wave = 16_384 * np.sin(2 * np.pi * np.where(times < END / RATE, 440.0, 1760.0) * times)
    sample = struct.pack("<5IBbHH", 0, RATE, START, END, RATE, 69, 0, 0, 1)
    generators = struct.pack("<6h", 38, 1200, 54, mode, 53, 0)  # release of 2 s, mode, sample 0
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


def after_note_off(font):
    """The frequency that is heard 0.3 to 0.4 s after the end of a note of 0.3 s."""
    synth = tinysoundfont.Synth(samplerate=RATE)
    synth.program_select(0, synth.sfload(font), 0, 0)
    synth.noteon(0, 69, 127)
    synth.generate(3 * RATE // 10)
    synth.noteoff(0, 69)
    left = np.frombuffer(bytes(synth.generate(4 * RATE // 10)), np.float32)[::2][-RATE // 10 :]
    return int(np.argmax(np.abs(np.fft.rfft(left * np.hanning(len(left)))))) * 10


seen = {}
for mode in (1, 3):
    zone = Sf2File(io.BytesIO(sound_font(mode))).instruments[0].bags[0]
    seen[mode] = zone.sample_loop_on_noteoff, after_note_off(sound_font(mode))
    text = next(line for line in zone.pretty_print().splitlines() if "loop" in line).strip()
    print(f"sampleModes {mode}: sample_loop_on_noteoff {seen[mode][0]}, {text!r}")
    print(f"  a player plays {seen[mode][1]} Hz after note-off (loop 440, tail 1760)")
sys.exit(seen != {1: (False, 440), 3: (True, 1760)})
PYTHON
