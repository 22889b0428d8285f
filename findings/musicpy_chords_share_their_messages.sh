#!/usr/bin/env bash
# All chords of musicpy share one list of messages: a pedal for one chord is written with others.
#
# Library: musicpy 7.16 (PyPI), seen 2026-12-01; chord.other_messages.
# Guess: each chord has its own messages, as each has its own notes, tempos and pitch bends. So a
#   message that is appended to the other_messages of one chord is written to its file only.
# Behaviour: the default of chord's argument is one list, and the source stores it in each chord
#   without a copy. A chord that is made before or after has the same messages, and write() puts
#   them into its file. Tempos and pitch bends are not shared.
#   Workaround: chord(notes, other_messages=[]).
#
# Output seen (a pedal appended to the second of three chords, and a tempo and a bend as well):
#   chord                    pedals  tempos  bends in its file
#   made before                   1       1      0
#   the one with the pedal        1       2      1
#   made afterwards               1       1      0
#   with other_messages=[]        0       1      0
#   Each should have 1 tempo and nothing else, but the second 1 pedal, 2 tempos and 1 bend.
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


def counts(chord):
    """The pedals, tempos and pitch bends in the file that musicpy writes of a chord."""
    musicpy.write(chord, name="chord.mid")
    messages = [m for track in mido.MidiFile("chord.mid").tracks for m in track]
    pedals = [m for m in messages if m.type == "control_change" and m.control == 64]
    kinds = [m.type for m in messages]
    return len(pedals), kinds.count("set_tempo"), kinds.count("pitchwheel")


before = musicpy.chord("C4, E4, G4")
held = musicpy.chord("D4, F4, A4")
held.other_messages.append(
    musicpy.event("control_change", control=64, value=127, channel=0, start_time=0)
)
held.tempos.append(musicpy.tempo(90, start_time=0.125))
held.pitch_bends.append(musicpy.pitch_bend(50))
chords = {
    "made before": before,
    "the one with the pedal": held,
    "made afterwards": musicpy.chord("E4, G4, B4"),
    "with other_messages=[]": musicpy.chord("E4, G4, B4", other_messages=[]),
}
seen = {name: counts(chord) for name, chord in chords.items()}
print("chord                    pedals  tempos  bends in its file")
for name, (pedals, tempos, bends) in seen.items():
    print(f"{name:24} {pedals:6} {tempos:7} {bends:6}")
print("Each should have 1 tempo and nothing else, but the second 1 pedal, 2 tempos and 1 bend.")
sys.exit(list(seen.values()) != [(1, 1, 0), (1, 2, 1), (1, 1, 0), (0, 1, 0)])
PYTHON
