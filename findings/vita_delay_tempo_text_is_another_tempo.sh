#!/usr/bin/env bash
# vita's text of a delay's tempo names a time that is sixteen times as long as the one it plays.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: get_control_text("delay_tempo") says what the delay plays, as
#   get_control_text("lfo_1_tempo") does. The default at 120 beats per minute reads 2/1, so its
#   echo comes after 4 s.
# Behaviour: the echo comes after 0.25 s, which is 1/8. The list of names begins at "Freeze" for
#   0, but the delays' values begin at 4, and vita subtracts this 4 before it looks a name up. So
#   each text is four names too early, and the names from 1/8 on never appear. The same holds for
#   delay_aux_tempo. LFO tempos have the right text. Whoever prints or searches settings by text
#   gets another delay.
#
# Output seen:
#   raw 8: text 4/1, which would be 8.0000 s; echo after 0.5000 s
#   raw 9: text 2/1, which would be 4.0000 s; echo after 0.2500 s
#   raw 10: text 1/1, which would be 2.0000 s; echo after 0.1250 s
#
# Exits with 1 if vita behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vita==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from fractions import Fraction

import numpy as np
import vita

RATE = 44_100


def render(settings):
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    synth.set_bpm(120.0)
    controls = synth.get_controls()
    common = {"osc_1_random_phase": 0.0, "env_1_decay": 0.3, "env_1_sustain": 0.0}
    for name, value in {**common, **settings}.items():
        controls[name].set(float(value))
    controls["env_1_attack"].set(0.0)
    synth.render(69, 0.8, 0.02, 0.5)  # controls glide to their values
    return synth, synth.render(69, 0.8, 1.0, 1.5)[0]


right = True
dry = render({})[1]
begin = np.argmax(np.abs(dry) > 0.01)
for raw in (8, 9, 10):
    # Both channels of the delay are only wet: their first sound is the first echo.
    wet = {"delay_on": 1, "delay_dry_wet": 1, "delay_tempo": raw, "delay_filter_spread": 1}
    synth, sound = render(wet)
    seconds = (np.argmax(np.abs(sound) > 0.01) - begin) / RATE
    text = synth.get_control_text("delay_tempo")
    named = float(Fraction(text)) * 2.0  # a whole note at 120 beats per minute
    print(f"raw {raw}: text {text}, which would be {named:.4f} s; echo after {seconds:.4f} s")
    right &= abs(named / seconds - 16.0) < 0.3
sys.exit(not right)
PYTHON
