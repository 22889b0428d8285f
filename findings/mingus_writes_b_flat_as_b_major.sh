#!/usr/bin/env bash
# mingus writes B flat major as B major, C minor as C major, and reads G major as E major.
#
# Library: mingus 0.6.1 (PyPI), music theory and MIDI files; midi_file_out and midi_file_in.
# Guess: the key of a bar is the key signature of the file, and a file's key is the bar's.
# Behaviour: the writer takes the first letter of the key's name, in upper case, for a major key. So
#   B flat major with two flats gets five sharps, and all minor keys become major. The reader takes
#   the number of sharps for the flag of a minor key too, and begins at A if it is not 0. So G major
#   is E major for it, and A minor, without sharps, is C major. F major, which has one flat, has 255
#   sharps for it, and is F sharp major. The notes are right, but a score made from either file is
#   in another key, and an analysis in that key names each degree wrongly.
#
# Output seen:
#   written: C as C, G as G, Bb as B, Eb as E, F# as F, a as A, c as C, f# as F
#   read: C as C major, G as E major, D as B major, F as F sharp major, Am as C major, Em as E major
#
# Exits with 1 if mingus behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mingus==0.6.1 mido==1.3.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import mido
from mingus.containers import Bar
from mingus.midi.midi_file_in import MIDI_to_Composition
from mingus.midi.midi_file_out import write_Bar


def written(key):
    """The key signature of a file with one bar, as mido reads it (m for minor)."""
    bar = Bar(key, (4, 4))
    bar.place_notes(["C-4"], 4)
    write_Bar("bar.mid", bar)
    events = mido.MidiFile("bar.mid").tracks[0]
    return next(event.key for event in events if event.type == "key_signature")


def read(key):
    """The key of the first bar of a file that has this key signature."""
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.MetaMessage("key_signature", key=key))
    track.append(mido.Message("note_on", note=60, velocity=64))
    track.append(mido.Message("note_off", note=60, velocity=64, time=480))
    track.append(mido.MetaMessage("end_of_track"))
    mido.MidiFile(tracks=[track]).save("key.mid")
    return MIDI_to_Composition("key.mid")[0].tracks[0].bars[0].key.name


put = {key: written(key) for key in ("C", "G", "Bb", "Eb", "F#", "a", "c", "f#")}
got = {key: read(key) for key in ("C", "G", "D", "F", "Am", "Em")}
print("written:", ", ".join(f"{key} as {value}" for key, value in put.items()))
print("read:", ", ".join(f"{key} as {value}" for key, value in got.items()))
wrong = put["Bb"] == "B" and put["Eb"] == "E" and put["c"] == "C" and put["a"] == "A"
sys.exit(not (wrong and got["G"] == "E major" and got["Am"] == "C major"))
PYTHON
