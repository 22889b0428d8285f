#!/usr/bin/env bash
# music21 writes a staccato note louder into a MIDI file, and no shorter.
#
# Library: music21 10.5.1 (PyPI), a toolkit for scores.
# Guess: a staccato note is shorter in the MIDI file, as in MuseScore or from any player, at about
#   its velocity; a tenuto note has its full length and is not softer.
# Behaviour: an articulation changes the velocity alone. A staccato note of velocity 64 sounds at 70
#   and lasts its whole beat, so a row of staccato notes is legato. Its lengthShift of 0.7 is not
#   used. A spiccato is as loud as an accent, and a tenuto note is softer: 58. What is trained or
#   tested on MIDI files of scores learns the wrong lengths and velocities.
#
# Output seen (a note of one beat and velocity 64):
#   no articulation: 1 beat, velocity 64
#   Staccato: 1 beat, velocity 70
#   Staccatissimo: 1 beat, velocity 70
#   Spiccato: 1 beat, velocity 77
#   Accent: 1 beat, velocity 77
#   Tenuto: 1 beat, velocity 58
#
# Exits with 1 if music21 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet music21==10.5.1 mido==1.3.3 numpy==2.2.6
"$folder/venv/bin/python" - "$folder/score.mid" <<'PYTHON'
import sys

import mido
from music21 import articulations, note, stream


def written(name):
    """The length in beats and the velocity of a note with an articulation, in a MIDI file."""
    single = note.Note("D4", quarterLength=1.0)
    single.volume.velocity = 64
    if name:
        single.articulations.append(getattr(articulations, name)())
    part = stream.Part([single, note.Rest(quarterLength=1.0)])
    part.write("midi", fp=sys.argv[1])
    file, time, starts, found = mido.MidiFile(sys.argv[1]), 0, {}, []
    for message in file.merged_track:
        time += message.time
        if message.type == "note_on" and message.velocity:
            starts[message.note] = time, message.velocity
        elif message.type in ("note_on", "note_off"):
            start, velocity = starts.pop(message.note)
            found.append(((time - start) / file.ticks_per_beat, velocity))
    return found[0]


seen = {}
for name in ("", "Staccato", "Staccatissimo", "Spiccato", "Accent", "Tenuto"):
    seen[name] = written(name)
    print(f"{name or 'no articulation'}: {seen[name][0]:g} beat, velocity {seen[name][1]}")
whole = all(length == 1.0 for length, _ in seen.values())
velocities = [velocity for _, velocity in seen.values()]
sys.exit(not (whole and velocities == [64, 70, 70, 77, 77, 58]))
PYTHON
