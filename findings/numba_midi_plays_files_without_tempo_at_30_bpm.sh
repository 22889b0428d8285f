#!/usr/bin/env bash
# numba-midi reads MIDI files without a tempo event at 30 BPM: times are four times too long.
#
# Library: numba-midi 0.1.30 (PyPI), reads MIDI files into scores. Seen on 2026-12-01: load_score.
# Guess: a file without a tempo event has 120 quarter notes per minute, as the MIDI file standard
#   says. So a note at the second quarter starts at 0.5 s, as in mido and symusic.
# Behaviour: the source sets the default tempo to 120 * 1000000 / 60 microseconds per quarter note.
#   That is 2 s and not 0.5 s, so the score has 30 quarter notes per minute. Starts and durations
#   in seconds are four times too long. The same file with a tempo event of 120 is read correctly.
#
# Output seen (a quarter note at the second quarter):
#   tempo event of 120: tempo 120, note at 0.50 s for 0.50 s; file of 1.0 s in mido; symusic 0.50 s
#   no tempo event    : tempo  30, note at 2.00 s for 2.00 s; file of 1.0 s in mido; symusic 0.50 s
#
# Exits with 1 if numba-midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numba-midi==0.1.30 numba==0.68.1 numpy==2.4.6 mido==1.3.3 \
    symusic==0.6.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import mido
import symusic
from numba_midi import load_score

found = []
for name, tempo in (("tempo event of 120", 500_000), ("no tempo event", None)):
    song = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    song.tracks.append(track)
    if tempo is not None:
        track.append(mido.MetaMessage("set_tempo", tempo=tempo))
    track.append(mido.Message("note_on", note=60, velocity=80, time=480))
    track.append(mido.Message("note_off", note=60, time=480))
    song.save("song.mid")
    score = load_score("song.mid")
    notes = score.tracks[0].notes
    bpm = float(score.tempo.quarter_notes_per_minute[0])
    start, duration = float(notes.start[0]), float(notes.duration[0])
    other = symusic.Score("song.mid").to("second").tracks[0].notes[0].start
    print(
        f"{name:18}: tempo {bpm:3.0f}, note at {start:.2f} s for {duration:.2f} s; "
        f"file of {song.length:.1f} s in mido; symusic {other:.2f} s"
    )
    found.append((bpm, start, duration, song.length, other))
sys.exit(found != [(120.0, 0.5, 0.5, 1.0, 0.5), (30.0, 2.0, 2.0, 1.0, 0.5)])
PYTHON
