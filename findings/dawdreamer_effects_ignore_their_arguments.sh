#!/usr/bin/env bash
# DawDreamer's reverb, delay and panner ignore the arguments that they are made with.
#
# Library: DawDreamer 0.9.0 (PyPI), an offline host of instruments and effects for Python.
# Guess: make_reverb_processor, make_delay_processor and make_panner_processor take the values
#   they are given, or those that help() shows as their defaults.
# Behaviour: all values are lost, without a warning. The reverb has 0 everywhere, dry level
#   included: it returns silence. The delay waits one sample and is heard at 0.1 %. The panner
#   stands halfway to the right, even with pan=0: the right channel is 9.5 dB louder than the
#   left. The same values work as attributes (reverb.dry_level = 0.4). Compressor and filter do
#   take their arguments.
#
# Output seen (level of noise; samples and gains of a click; gains of both channels):
#   reverb by arguments: 0.000 of its input; by attributes: 0.914
#   delay by arguments: samples [0, 1], gains [0.999, 0.001]
#   delay by attributes: samples [0, 441], gains [0.5, 0.5]
#   panner by arguments: pan 0.5, gains [0.5, 1.5]; by attributes: pan 0.0, gains [1.0, 1.0]
#
# Exits with 1 if DawDreamer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dawdreamer==0.9.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import dawdreamer
import numpy as np

RATE = 44100
click = np.zeros((2, RATE), np.float32)
click[:, 0] = 1.0
noise = (0.1 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32)


def render(kind, arguments, attributes, sound):
    engine = dawdreamer.RenderEngine(RATE, 512)
    source = engine.make_playback_processor("source", sound)
    effect = getattr(engine, f"make_{kind}_processor")("effect", **arguments)
    for name, value in attributes.items():
        setattr(effect, name, value)
    engine.load_graph([(source, []), (effect, ["source"])])
    engine.render(1.0)
    return engine.get_audio(), getattr(effect, "pan", 0.0)


def echoes(sound):
    at = np.flatnonzero(np.abs(sound[0]) > 1e-6)
    return at.tolist(), np.round(sound[0][at].astype(float), 3).tolist()


room = {"damping": 0.5, "width": 1.0}
made = render("reverb", room | {"roomSize": 0.5, "wetLevel": 0.33, "dryLevel": 0.4}, {}, noise)[0]
values = room | {"room_size": 0.5, "wet_level": 0.33, "dry_level": 0.4}
mended = render("reverb", {}, values, noise)[0]
silence, wet = float(made.std() / noise.std()), float(mended.std() / noise.std())
print(f"reverb by arguments: {silence:.3f} of its input; by attributes: {wet:.3f}")
half = {"delay": 10.0, "wet": 0.5}
by_arguments = echoes(render("delay", half, {}, click)[0])
by_attributes = echoes(render("delay", {}, half, click)[0])
print(f"delay by arguments: samples {by_arguments[0]}, gains {by_arguments[1]}")
print(f"delay by attributes: samples {by_attributes[0]}, gains {by_attributes[1]}")
made, pan = render("panner", {"rule": "linear", "pan": 0.0}, {}, click)
mended, middle = render("panner", {"rule": "linear"}, {"pan": 0.0}, click)
gains, centred = made[:, 0].tolist(), mended[:, 0].tolist()
print(f"panner by arguments: pan {pan}, gains {gains}; ", end="")
print(f"by attributes: pan {middle}, gains {centred}")
same = silence == 0.0 and wet > 0.2 and by_arguments[0] == [0, 1] and by_attributes[0] == [0, 441]
sys.exit(not (same and gains == [0.5, 1.5] and centred == [1.0, 1.0]))
PYTHON
