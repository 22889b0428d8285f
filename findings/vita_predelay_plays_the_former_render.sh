#!/usr/bin/env bash
# A render of vita begins with the reverb of the render before, for as long as the predelay lasts.
#
# Library: vita 0.1.0 (PyPI), the engine of Vital.
# Guess: render() either starts from silence, as it stops all voices first, or lets the reverb of
#   the former note ring on. As delay and reverb without predelay start from silence, so does all.
# Behaviour: the reverb's tail is cut at the start of a render, but what has entered the predelay
#   is played: for reverb_delay seconds the new render holds the former tail at full level, and
#   then it stops at once. A short warm-up note is heard in the sound after it.
#
# Output seen (second render; its own note stays silent for 0.5 s; dB against the first render):
#   predelay 0.0 s: after silent
#   predelay 0.1 s: before -1 dB, after silent
#   predelay 0.3 s: before -3 dB, after silent
#
# Exits with 1 if vita behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet vita==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import vita

RATE = 44_100


def second_render(predelay):
    synth = vita.Synth()
    synth.set_sample_rate(float(RATE))
    controls = synth.get_controls()
    settings = {"osc_1_random_phase": 0.0, "reverb_on": 1.0, "reverb_dry_wet": 1.0}
    settings |= {"reverb_decay_time": 3.0, "reverb_chorus_amount": 0.0, "reverb_delay": predelay}
    for name, value in settings.items():
        controls[name].set(value)
    first = synth.render(60, 0.8, 0.5, 1.5)
    controls["env_1_delay"].set(0.5**0.25)  # half a second
    return synth.render(60, 0.8, 1.0, 0.5), 20.0 * np.log10(np.std(first[:, RATE:]))


def decibels(sound):
    return 10.0 * np.log10(np.mean(sound.astype(float) ** 2) + 1e-30)


right = True
for predelay in (0.0, 0.1, 0.3):
    sound, loudness = second_render(predelay)
    split = int(predelay * RATE)
    parts = {"before": sound[:, : split - 100], "after": sound[:, split + 1000 : RATE // 2 - 1000]}
    levels = {n: decibels(part) - loudness for n, part in parts.items() if predelay or n == "after"}
    texts = [f"{n} {'silent' if d < -100 else f'{d:.0f} dB'}" for n, d in levels.items()]
    print(f"predelay {predelay} s: {', '.join(texts)}")
    right &= levels["after"] < -100.0 and levels.get("before", 0.0) > -10.0
sys.exit(not right)
PYTHON
