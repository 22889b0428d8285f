#!/usr/bin/env bash
# ay8910_wrapper plays a period of 440 Hz at 155 or 220 Hz with two of its three backends.
#
# Library: ay8910_wrapper 1.0.0 (PyPI), emulators of the sound chip AY-3-8910. Seen on 2026-11-30.
# Guess: a tone has the frequency clock / (16 period), as the package's documentation says, and
#   generate() returns samples at the sample_rate that the object was made with ("Audio sampling
#   rate in Hz"). So all three backends play one pitch. The documentation writes the samples of the
#   backend MAME into a wav file of 44,100 Hz.
# Behaviour: only the default, CAPRICE32, plays the pitch.
#   - AY_EMUL31 is an octave low at each clock and rate below.
#   - MAME ignores the sample rate: its samples are an eighth of the clock apart (clock / 8 per
#     second). At 44.1 kHz a clock of 1 MHz sounds 18 semitones low, and one of 2 MHz 30.
#   A tune that is in tune with one backend is out of tune with the others. With MAME a wav file has
#   to be written with a rate of clock / 8; the pitch is right then.
#
# Output seen (440.14 Hz are meant):
#   caprice32, clock 1.0 MHz, 44100 Hz: 440.1 Hz,   0.0 semitones
#   caprice32, clock 1.0 MHz, 48000 Hz: 440.1 Hz,   0.0 semitones
#   caprice32, clock 2.0 MHz, 44100 Hz: 440.1 Hz,   0.0 semitones
#   mame     , clock 1.0 MHz, 44100 Hz: 155.3 Hz, -18.0 semitones
#   mame     , clock 1.0 MHz, 48000 Hz: 169.0 Hz, -16.6 semitones
#   mame     , clock 2.0 MHz, 44100 Hz:  77.6 Hz, -30.0 semitones
#   ay_emul31, clock 1.0 MHz, 44100 Hz: 220.1 Hz, -12.0 semitones
#   ay_emul31, clock 1.0 MHz, 48000 Hz: 220.1 Hz, -12.0 semitones
#   ay_emul31, clock 2.0 MHz, 44100 Hz: 220.1 Hz, -12.0 semitones
#   mame, clock 1.0 MHz, read at clock / 8: 440.1 Hz
#
# Exits with 1 if ay8910_wrapper behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps ay8910_wrapper==1.0.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import types

import numpy as np

# The package imports sounddevice for its live playback, which is not used here.
sys.modules["sounddevice"] = types.SimpleNamespace(CallbackFlags=object)
import ay8910_wrapper as ay

CASES = [(1_000_000, 44_100), (1_000_000, 48_000), (2_000_000, 44_100)]


def play(backend, clock, rate):
    """One second of a tone of 440 Hz on channel A, the left channel if there are two."""
    chip = ay.ay8910(backend=backend, clock=clock, sample_rate=rate)
    period = round(clock / 16 / 440)
    for register, value in [(0, period & 255), (1, period >> 8), (7, 0xFE), (8, 15)]:
        chip.set_register(register, value)
    samples = np.array(chip.generate(rate), float)
    return samples[:: len(samples) // rate], clock / 16 / period


def pitch(samples, rate):
    samples = samples[4410:] - samples[4410:].mean()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**20))
    return spectrum.argmax() * rate / 2**20


seen = {}
for backend in (ay.Backend.CAPRICE32, ay.Backend.MAME, ay.Backend.AY_EMUL31):
    for clock, rate in CASES:
        samples, meant = play(backend, clock, rate)
        heard = pitch(samples, rate)
        off = 12 * np.log2(heard / meant)
        seen.setdefault(backend.value, []).append(off)
        print(f"{backend.value:9}, clock {clock / 1e6:.1f} MHz, {rate} Hz: {heard:5.1f} Hz, "
              f"{abs(off) * np.sign(round(off, 1)):5.1f} semitones")
samples, meant = play(ay.Backend.MAME, 1_000_000, 44_100)
native = pitch(samples, 1_000_000 / 8)
print(f"mame, clock 1.0 MHz, read at clock / 8: {native:.1f} Hz")
expected = {
    "caprice32": [0, 0, 0],
    "mame": [12 * np.log2(8 * rate / clock) for clock, rate in CASES],
    "ay_emul31": [-12, -12, -12],
}
same = all(np.allclose(seen[name], offs, atol=0.05) for name, offs in expected.items())
sys.exit(not (same and abs(native - meant) < 1))
PYTHON
