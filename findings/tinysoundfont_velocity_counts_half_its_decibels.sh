#!/usr/bin/env bash
# tinysoundfont plays a note of velocity 64 at 6 dB below full, where a SoundFont says 12 dB.
#
# Library: tinysoundfont 0.3.7 (PyPI), a player of SoundFonts (sf2) for Python.
# Guess: a SoundFont that says nothing else has the modulators of the standard (SoundFont 2.04,
#   section 8.4). Velocity, volume (controller 7) and expression (11) each turn the level down by
#   -40 log10(value / 127) dB, which is 12 dB at 64. The modulation wheel gives 50 cents of vibrato.
# Behaviour: velocity follows -20 log10, half of that: 6 dB at 64. Volume and expression follow
#   about -60 log10: 18 dB at 64. The wheel does nothing. Attenuation in the file itself is right.
#   So soft notes are too loud beside hard ones, and tracks with a low volume too soft beside
#   others. Sounds rendered with it teach a model velocities that mean half of their decibels.
#
# Output seen (dB below value 127):
#   in the file, 12 dB: 12.0
#    100: standard  4.2, velocity  2.1, volume  6.2, expression  6.2
#     64: standard 11.9, velocity  6.0, volume 17.7, expression 17.7
#     32: standard 23.9, velocity 12.0, volume 35.3, expression 35.3
#   the wheel at 127 changes nothing
#
# Exits with 1 if tinysoundfont behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# Without its dependency pyaudio, which only plays through a sound card.
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps tinysoundfont==0.3.7
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import sys

import numpy as np
import tinysoundfont

RATE = 44_100


def chunk(tag, *parts):
    data = b"".join(parts)
    return tag + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def sound_font(attenuation=0):
    """One sample, a sine of 441 Hz at half of full scale; attenuation in 0.1 dB."""
    sine = 16_384 * np.sin(2 * np.pi * 441.0 * np.arange(RATE) / RATE)
    sample = struct.pack("<5IBbHH", 0, RATE, 0, RATE, RATE, 69, 0, 0, 1)
    pairs = struct.pack("<6h", 48, attenuation, 54, 1, 53, 0)  # attenuation, looped, sample 0
    articulation = [
        chunk(b"phdr", struct.pack("<20s18x20s3H12x", b"P", b"EOP", 0, 0, 1)),
        chunk(b"pbag", struct.pack("<4H", 0, 0, 1, 0)) + chunk(b"pmod", bytes(10)),
        chunk(b"pgen", struct.pack("<4H", 41, 0, 0, 0)),
        chunk(b"inst", struct.pack("<20sH20sH", b"I", 0, b"EOI", 1)),
        chunk(b"ibag", struct.pack("<4H", 0, 0, 3, 0)) + chunk(b"imod", bytes(10)),
        chunk(b"igen", pairs, bytes(4)),
        chunk(b"shdr", b"S".ljust(20, b"\0"), sample, b"EOS".ljust(46, b"\0")),
    ]
    info = chunk(b"LIST", b"INFO", chunk(b"ifil", struct.pack("<2H", 2, 1)))
    sound = chunk(b"LIST", b"sdta", chunk(b"smpl", sine.astype("<i2").tobytes(), bytes(92)))
    return chunk(b"RIFF", b"sfbk", info, sound, chunk(b"LIST", b"pdta", *articulation))


def play(velocity=127, controls=(), attenuation=0):
    synth = tinysoundfont.Synth(samplerate=RATE, gain=0)
    synth.program_select(0, synth.sfload(sound_font(attenuation)), 0, 0)
    for number, value in controls:
        synth.control_change(0, number, value)
    synth.noteon(0, 69, velocity)
    return np.frombuffer(synth.generate(RATE), dtype=np.float32)[RATE:].astype(float)


def level(**settings):
    return 10.0 * np.log10(np.mean(play(**settings) ** 2))


full, in_file, rows = level(), level(attenuation=120), []
print(f"in the file, 12 dB: {full - in_file:.1f}")
for value in (100, 64, 32):
    heard = [level(velocity=value), level(controls=[(7, value)]), level(controls=[(11, value)])]
    rows.append([40.0 * np.log10(127 / value), *(full - each for each in heard)])
    names = ("standard", "velocity", "volume", "expression")
    print(f"{value:4d}:", ", ".join(f"{n} {db:4.1f}" for n, db in zip(names, rows[-1])))
right, velocity, volume, expression = np.array(rows).T
same = abs(full - in_file - 12.0) < 0.2
still = np.array_equal(play(), play(controls=[(1, 127)]))
print(f"the wheel at 127 changes {'nothing' if still else 'the sound'}")
half = np.allclose(velocity, right / 2, atol=0.3)
more = np.allclose(volume, right * 1.5, atol=0.7) and np.allclose(expression, volume, atol=0.1)
sys.exit(not (same and still and half and more))
PYTHON
