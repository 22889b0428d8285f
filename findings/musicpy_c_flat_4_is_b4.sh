#!/usr/bin/env bash
# musicpy plays C flat 4 as B4, an octave too high, and B sharp 3 as C3, an octave too low.
#
# Library: musicpy 7.16 (PyPI), seen 2026-12-01; note.degree, write, and scale.
# Guess: C flat 4 is a semitone below C4, so it is B3, and B sharp 3 is a semitone above B3, so it
#   is C4. In scientific pitch notation the octave number belongs to the letter.
# Behaviour: the source adds 12 per octave to the pitch class: that of C flat is 11, and that of
#   B sharp is 0. So a melody that steps from C5 to C flat 5 and B flat 4 leaps up by 11 semitones
#   and down by 13. The note numbers of a MIDI file and get_freq follow. Scales sound right, but
#   their names do not: musicpy calls the leading tone of C sharp major B#5 where it is below C#5.
#   E sharp, F flat and C double sharp come out right.
#
# Output seen:
#   C4     : MIDI note 60, should be 60,  261.63 Hz, should be  261.63 Hz
#   Cb4    : MIDI note 71, should be 59,  493.88 Hz, should be  246.94 Hz
#   B#3    : MIDI note 48, should be 60,  130.81 Hz, should be  261.63 Hz
#   Fb4    : MIDI note 64, should be 64,  329.63 Hz, should be  329.63 Hz
#   E#4    : MIDI note 65, should be 65,  349.23 Hz, should be  349.23 Hz
#   C##4   : MIDI note 62, should be 62,  293.66 Hz, should be  293.66 Hz
#   C5 Cb5 Bb4 in a MIDI file: [72, 83, 70], should be [72, 71, 70]
#   C sharp major: C#4 D#4 E#4 F#4 G#4 A#4 B#5 C#5, notes [61, 63, 65, 66, 68, 70, 72, 73]
#
# Exits with 1 if musicpy behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet musicpy==7.16 mido-fix==1.2.12 mido==1.3.3
cd "$folder"
SDL_AUDIODRIVER=dummy "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import mido
import musicpy

LETTERS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))


def written(notes):
    """The note numbers of the MIDI file that musicpy writes."""
    musicpy.write(musicpy.chord(notes), name="notes.mid")
    return [m.note for t in mido.MidiFile("notes.mid").tracks for m in t if m.type == "note_on"]


def true(name):
    return 12 * (int(name[-1]) + 1) + LETTERS[name[0]] + name.count("#") - name.count("b")


right = True
for name in ("C4", "Cb4", "B#3", "Fb4", "E#4", "C##4"):
    (seen,), hertz, should = written(name), musicpy.get_freq(name), true(name)
    tuned = 440.0 * 2.0 ** ((should - 69) / 12.0)
    print(f"{name:7}: MIDI note {seen}, should be {should}, ", end="")
    print(f"{hertz:7.2f} Hz, should be {tuned:7.2f} Hz")
    off = {"Cb4": 12, "B#3": -12}.get(name, 0)
    right = right and seen == should + off and abs(hertz / tuned - 2.0 ** (off / 12.0)) < 1e-9
melody = written("C5, Cb5, Bb4")
print(f"C5 Cb5 Bb4 in a MIDI file: {melody}, should be {[true(n) for n in ('C5', 'Cb5', 'Bb4')]}")
scale = musicpy.scale("C#", "major").notes
names = " ".join(str(n) for n in scale)
print(f"C sharp major: {names}, notes {[n.degree for n in scale]}")
right = right and melody == [72, 83, 70] and str(scale[6]) == "B#5" and scale[6].degree == 72
sys.exit(not right)
PYTHON
