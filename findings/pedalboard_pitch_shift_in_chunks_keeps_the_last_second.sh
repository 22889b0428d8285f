#!/usr/bin/env bash
# Pedalboard's PitchShift never returns the last 1.1 seconds of sound that comes in chunks.
#
# Library: pedalboard 0.9.26 (PyPI), audio effects for Python; PitchShift uses Rubber Band.
# Guess: with reset=False, chunks give the same samples as the whole sound, late by a latency of
#   some hundredths of a second, as the chunks of every other effect do.
# Behaviour: calls return no samples at all until about 1.07 s have gone in, then chunks of another
#   length than theirs. After the last chunk 1.09 s of sound are still inside, and no call brings
#   them out: more silence only pushes more silence in. A loop that writes each result to a file
#   makes it 1.1 s shorter, and one that expects equal lengths fails on the first chunk. Give the
#   sound as a whole, or append 1.1 s of silence and cut the result.
#
# Output seen (4 s in chunks of 1024 samples, 12 semitones up):
#   first samples after 1.07 s; in: 176400, out: 128360, missing: 1.09 s
#   as a whole: 176400
#   Gain in chunks: 176400
#
# Exits with 1 if pedalboard behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pedalboard

RATE, CHUNK = 44100, 1024
sound = np.sin(2 * np.pi * 440.0 * np.arange(4 * RATE) / RATE).astype(np.float32)[None]


def lengths(effect):
    starts = range(0, sound.shape[1], CHUNK)
    return [effect(sound[:, at : at + CHUNK], RATE, reset=False).shape[1] for at in starts]


shifted = lengths(pedalboard.PitchShift(semitones=12))
first = next(number for number, length in enumerate(shifted) if length) * CHUNK / RATE
missing = (sound.shape[1] - sum(shifted)) / RATE
print(f"first samples after {first:.2f} s; in: {sound.shape[1]}, out: {sum(shifted)}, "
      f"missing: {missing:.2f} s")
whole = pedalboard.PitchShift(semitones=12)(sound, RATE).shape[1]
print(f"as a whole: {whole}")
gain = sum(lengths(pedalboard.Gain(0.0)))
print(f"Gain in chunks: {gain}")
sys.exit(not (first > 0.5 and missing > 0.5 and whole == gain == sound.shape[1]))
PYTHON
