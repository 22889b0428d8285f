#!/usr/bin/env bash
# DawDreamer's load_midi ends a note with the earlier note of the same pitch that it overlaps.
#
# Library: DawDreamer 0.9.0 (PyPI), an offline host; mido 1.3.3 writes the file.
# Guess: two notes of one pitch, from 0 to 1 s and from 0.5 to 1.5 s, sound alike whether they are
#   loaded from a file or added by add_midi_note: two voices from 0.5 to 1 s, and sound until 1.5
#   s.
# Behaviour: that is what add_midi_note gives. From the file, there is never more than one voice,
#   and the sound ends at 1 s. While reading, a note-off is put before the second note-on. So the
#   first note-off of the file ends the second note, and the last has nothing to end.
#
# Output seen (seconds at which the number of voices changes, and the number):
#   load_midi: 0.00: 1, 1.00: 0
#   add_midi_note: 0.00: 1, 0.50: 2, 1.00: 1, 1.50: 0
#
# Exits with 1 if DawDreamer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dawdreamer==0.9.0 mido==1.3.3 numpy==2.2.6
"$folder/venv/bin/python" - "$folder/notes.mid" 2>/dev/null <<'PYTHON'
import sys

import dawdreamer
import mido
import numpy as np

RATE, PATH = 44100, sys.argv[1]
CODE = """freq = hslider("freq", 440, 20, 20000, 0.001); gain = hslider("gain", 1, 0, 1, 0.001);
process = button("gate") * gain * (1 + freq * 0);"""
track = mido.MidiTrack()
for kind, ticks in (("note_on", 0), ("note_on", 480), ("note_off", 480), ("note_off", 480)):
    track.append(mido.Message(kind, note=69, velocity=127, time=ticks))
file = mido.MidiFile(ticks_per_beat=480)  # 0.5 s per beat, as no tempo is set
file.tracks.append(track)
file.save(PATH)


def voices(name, fill):
    engine = dawdreamer.RenderEngine(RATE, 512)
    synth = engine.make_faust_processor("synth")
    synth.set_dsp_string(CODE)
    synth.num_voices = 8
    fill(synth)
    engine.load_graph([(synth, [])])
    engine.render(2.0)
    sound = np.round(engine.get_audio()[0])
    at = np.flatnonzero(np.diff(sound, prepend=0.0))
    changes = [(round(index / RATE, 2), int(sound[index])) for index in at]
    print(f"{name}: {', '.join(f'{time:.2f}: {count}' for time, count in changes)}")
    return changes


def add(synth):
    synth.add_midi_note(69, 127, 0.0, 1.0)
    synth.add_midi_note(69, 127, 0.5, 1.0)


loaded = voices("load_midi", lambda synth: synth.load_midi(PATH))
added = voices("add_midi_note", add)
right = [(0.0, 1), (0.5, 2), (1.0, 1), (1.5, 0)]
sys.exit(not (loaded == [(0.0, 1), (1.0, 0)] and added == right))
PYTHON
