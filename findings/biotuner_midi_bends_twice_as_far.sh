#!/usr/bin/env bash
# biotuner's MIDI files bend each microtone twice as far: a quarter tone plays as a semitone.
#
# Library: biotuner 0.5.1 (PyPI), seen 2026-11-30; biotuner_utils.create_midi.
# Guess: with microtonal=True, the default, each note sounds at the frequency that it was given.
#   harmonic_sequence, which calls create_midi, says "so non-12-TET ratios play in tune". The bend
#   range of General MIDI is 2 semitones for a wheel of 8192, so a quarter tone is a bend of 2048.
# Behaviour: create_midi bends by 8192 per semitone, and writes no bend range into the file. A
#   quarter tone above a key is then a bend of 4096, which is a semitone at the usual range. Each
#   note is sharp by its distance from the key below: 5/4 above A4, just below C sharp, by 86 cents.
#   A note on a key is right. Workaround: set the bend range of each channel to one semitone.
#
# Output seen (read back with the usual bend range of two semitones):
#   A4                  : 440.0 Hz, key 69 with a bend of    0: 440.0 Hz,   0 cents sharp
#   a quarter tone above: 452.9 Hz, key 69 with a bend of 4096: 466.2 Hz,  50 cents sharp
#   7/4 above           : 770.0 Hz, key 78 with a bend of 5638: 801.2 Hz,  69 cents sharp
#   11/8 above          : 605.0 Hz, key 74 with a bend of 4203: 623.2 Hz,  51 cents sharp
#   5/4 above           : 550.0 Hz, key 72 with a bend of 7070: 578.1 Hz,  86 cents sharp
#
# Exits with 1 if biotuner behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6 scipy==1.17.1 sympy==1.14.0 pandas==2.3.3 \
  matplotlib==3.10.7 mido==1.3.3
"$folder/venv/bin/pip" install --quiet --no-deps biotuner==0.5.1
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import importlib.util
import sys
import types
from math import log2

import mido

# The module alone: the package's __init__ imports libraries for brain signals.
package = types.ModuleType("biotuner")
package.__path__ = importlib.util.find_spec("biotuner").submodule_search_locations
sys.modules["biotuner"] = package
from biotuner.biotuner_utils import create_midi

notes = {
    "A4": 440.0,
    "a quarter tone above": 440.0 * 2.0 ** (1 / 24),
    "7/4 above": 440.0 * 7 / 4,
    "11/8 above": 440.0 * 11 / 8,
    "5/4 above": 440.0 * 5 / 4,
}
create_midi([[frequency] for frequency in notes.values()], [1] * len(notes), filename="scale")
bend, played = 0, []
for message in mido.MidiFile("scale.mid").tracks[0]:
    assert message.type != "control_change"
    if message.type == "pitchwheel":
        bend = message.pitch
    elif message.type == "note_on":
        played.append((message.note, bend, 440.0 * 2.0 ** ((message.note - 69 + bend / 4096) / 12)))
errors = []
for (name, frequency), (key, bend, sound) in zip(notes.items(), played, strict=True):
    errors.append(1200.0 * log2(sound / frequency))
    print(
        f"{name:20}: {frequency:.1f} Hz, key {key} with a bend of {bend:4}: {sound:.1f} Hz, "
        f"{errors[-1]:3.0f} cents sharp"
    )
sys.exit([round(error) for error in errors] != [0, 50, 69, 51, 86])
PYTHON
