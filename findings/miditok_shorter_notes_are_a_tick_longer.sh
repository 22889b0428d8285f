#!/usr/bin/env bash
# miditok's augment_score makes notes a tick longer if it is told to make them half a beat shorter.
#
# Library: miditok 3.1.0 (PyPI), seen 2026-12-01; data_augmentation.augment_score.
# Guess: augment_score(score, duration_offset=-0.5) shortens each note by half a beat, but not below
#   min_duration. The docs say that the offset is in beats unless duration_in_ticks is set, and that
#   min_duration applies "if duration_offset is negative".
# Behaviour: the source turns beats into ticks with max(round(beats * ticks), 1). So each negative
#   offset in beats is +1 tick: notes are not shortened, and min_duration never applies. Data that
#   should be augmented by shorter notes is a copy of the original, one tick off.
#   augment_score in ticks and augment_score_multiple_offsets in beats are right.
#   Workaround: give the offset and min_duration in ticks with duration_in_ticks=True.
#
# Output seen (480 ticks per beat; notes of 240, 480 and 960 ticks):
#    beats  augment_score, beats  augment_score, ticks  multiple_offsets  should be
#    -1.00  [241, 481, 961]       [15, 15, 480]         [15, 15, 480]     [15, 15, 480]
#    -0.50  [241, 481, 961]       [15, 240, 720]        [15, 240, 720]    [15, 240, 720]
#    -0.25  [241, 481, 961]       [120, 360, 840]       [120, 360, 840]   [120, 360, 840]
#     0.25  [360, 600, 1080]      [360, 600, 1080]      [360, 600, 1080]  [360, 600, 1080]
#     0.50  [480, 720, 1200]      [480, 720, 1200]      [480, 720, 1200]  [480, 720, 1200]
#
# Exits with 1 if miditok behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet miditok==3.1.0 symusic==0.6.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from miditok.data_augmentation import augment_score, augment_score_multiple_offsets
from symusic import Note, Score, Track

BEAT, NOTES, SHORTEST = 480, (240, 480, 960), 15


def score():
    track = Track(program=0)
    for number, duration in enumerate(NOTES):
        track.notes.append(Note(960 * number, duration, 60, 64))
    result = Score(BEAT)
    result.tracks.append(track)
    return result


def durations(augmented):
    return [note.duration for note in augmented.tracks[0].notes]


print(" beats  augment_score, beats  augment_score, ticks  multiple_offsets  should be")
right = True
for beats in (-1.0, -0.5, -0.25, 0.25, 0.5):
    ticks = round(beats * BEAT)
    seen = durations(augment_score(score(), duration_offset=beats, min_duration=SHORTEST / BEAT))
    in_ticks = durations(
        augment_score(
            score(), duration_offset=ticks, duration_in_ticks=True, min_duration=SHORTEST
        )
    )
    ((_, several),) = augment_score_multiple_offsets(score(), [], [], [beats])
    several, true = durations(several), [max(n + ticks, SHORTEST) for n in NOTES]
    print(f"{beats:6.2f}  {seen!s:20}  {in_ticks!s:20}  {several!s:16}  {true}")
    right = right and in_ticks == several == true
    right = right and seen == (true if beats > 0.0 else [n + 1 for n in NOTES])
sys.exit(not right)
PYTHON
