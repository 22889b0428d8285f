#!/usr/bin/env bash
# pydub's equalizer boosts its band by 4.6 dB at a gain of 0, and a cut spares the band it is for.
#
# Library: pydub 0.25.1 (PyPI), sound editing; pydub.scipy_effects.eq.
# Guess: gain_dB is the gain at focus_freq, as in other equalizers: 0 dB, the default, changes
#   nothing, and -12 dB makes the band 12 dB softer and leaves frequencies far from it alone.
# Behaviour: a boost adds the band-passed sound, at gain - 3 dB, to the whole one. So 0 dB is 4.6,
#   and 3 dB is 6. A cut adds all that is above the band and all that is below it, at -3 - gain dB,
#   which is *louder* the deeper the cut, and turns the sum down by the gain, twice. So a cut of 1
#   dB makes everything louder, and one of 24 dB leaves the band 18 to 25 dB above the rest. A
#   shelf's cut changes the side that it should keep: by 4.6 dB for a cut of 0.01 dB. After a cut of
#   a resonance it stands out more, and a sweep of the gain through 0 dB jumps.
#
# Output seen (each sine is 30 dB below full scale, so nothing clips):
#   peak at 1 kHz, gain       60 Hz  250 Hz  1000 Hz  4000 Hz  12000 Hz
#     12 dB                    0.0    -0.3    11.6     -0.3      0.0
#      3 dB                    0.0    -0.1     6.0     -0.1      0.0
#      0 dB                    0.0    -0.1     4.6     -0.1      0.0
#     -1 dB                    3.0     2.4     3.1      2.4      3.0
#    -12 dB                  -12.5   -14.8    -6.2    -14.5    -12.5
#    -24 dB                  -26.8   -32.9    -8.6    -34.0    -26.7
#   low shelf of -0.01 dB:    -0.0    -0.4     1.0      4.5      4.6
#
# Exits with 1 if pydub behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pydub==0.25.1 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from pydub.generators import Sine
from pydub.scipy_effects import eq

PLACES = (60, 250, 1000, 4000, 12_000)


def gains(gain, mode="peak"):
    """What the equalizer does to sines of these frequencies, in dB, once it has settled."""
    seen = []
    for hertz in PLACES:
        sine = Sine(hertz).to_audio_segment(1000, volume=-30)
        changed = eq(sine, 1000, bandwidth=400, filter_mode=mode, gain_dB=gain)
        pair = [np.array(each.get_array_of_samples(), float)[22_050:] for each in (changed, sine)]
        seen.append(20 * np.log10(np.std(pair[0]) / np.std(pair[1])))
    return seen


def show(name, seen):
    print(name + " ".join(f"{each:{width}.1f}" for each, width in zip(seen, (6, 7, 7, 8, 8))))


print("peak at 1 kHz, gain       60 Hz  250 Hz  1000 Hz  4000 Hz  12000 Hz")
table = {gain: gains(gain) for gain in (12, 3, 0, -1, -12, -24)}
for gain, seen in table.items():
    show(f"{gain:4d} dB                 ", seen)
shelf = gains(-0.01, "low_shelf")
show("low shelf of -0.01 dB:  ", shelf)
boosted = abs(table[0][2] - 4.6) < 0.1 and abs(table[3][2] - 6.0) < 0.1
louder = min(table[-1]) > 0.5 and all(table[-24][2] > each + 15 for each in table[-24][::4])
sys.exit(not (boosted and louder and abs(shelf[4] - 4.6) < 0.1))
PYTHON
