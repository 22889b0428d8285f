#!/usr/bin/env bash
# MusPy's pitch representation writes rests as notes of pitch 0, and reads them back as notes.
#
# Library: muspy 0.5.0 (PyPI), music generation: formats, representations and metrics.
# Guess: to_pitch_representation writes a pitch (0 to 127) or a rest (128) for each time step, as
#   its docstring says. A melody with rests comes back from from_pitch_representation as it was.
# Behaviour: by default each rest is 0, the lowest MIDI note: the array of zeros is filled with 128
#   only if use_hold_state is true. The reader does take 128 for a rest, so it reads a note of pitch
#   0 for each rest: eight notes come back as fifteen, over a range of 72 semitones instead of 12. A
#   model that is trained on these tokens learns the token 0 for silence, and what it generates
#   rumbles at 8 Hz in each rest. With use_hold_state=True the melody comes back as it was.
#
# Output seen (a scale of C in eighth notes, each followed by an eighth rest):
#   written: 8 notes, range 12
#   use_hold_state=False: every half an eighth 60, 60, 0, 0, 62, 62, 0, 0, ...
#     read: 15 notes, range 72
#   use_hold_state=True: every half an eighth 60, 129, 128, 128, 62, 129, 128, 128, ...
#     read: 8 notes, range 12
#
# Exits with 1 if MusPy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet muspy==0.5.0 numpy==2.2.6 pypianoroll==1.0.4 \
    pretty-midi==0.2.11.post0 setuptools==80.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import muspy

EIGHTH = 12
SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


def notes(music):
    return [(note.time, note.pitch, note.duration) for note in music.tracks[0].notes]


melody = [muspy.Note(2 * EIGHTH * k, pitch, EIGHTH, 64) for k, pitch in enumerate(SCALE)]
music = muspy.Music(resolution=24, tracks=[muspy.Track(notes=melody)])
print(f"written: {len(melody)} notes, range {muspy.pitch_range(music)}")
found = {}
for hold in (False, True):
    tokens = muspy.to_pitch_representation(music, use_hold_state=hold)
    back = muspy.from_pitch_representation(tokens, resolution=24, use_hold_state=hold)
    found[hold] = notes(back)
    first = ", ".join(str(int(token)) for token in tokens[:: EIGHTH // 2, 0][:8])
    print(f"use_hold_state={hold}: every half an eighth {first}, ...")
    print(f"  read: {len(found[hold])} notes, range {muspy.pitch_range(back)}")
pitches = [pitch for _, pitch, _ in found[False]]
sys.exit(not (found[True] == notes(music) and pitches.count(0) == 7 and len(pitches) == 15))
PYTHON
