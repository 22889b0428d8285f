#!/usr/bin/env bash
# DawDreamer's sampler plays note 60 five octaves too high, until its center note is set to 60.
#
# Library: DawDreamer 0.9.0 (PyPI), an offline host of instruments and effects for Python.
# Guess: a new sampler, whose text of "Center Note" says 60.00, plays note 60 at the sample's
#   pitch.
# Behaviour: it plays 14,080 Hz for a sample of 440 Hz, as if the center note were 0. All
#   parameters start with values from 0 to 1, but the sampler takes values in their own units
#   (notes, Hz). So the start value of 0.47 is played as note 0.47, while the text is of note 60.
#   set_parameter(0, 60.0) makes note 60 right. The filter has the same fault: its text says
#   20000.00, but once it is switched on, the sound is 42 dB softer; set_parameter(7, 20000.0)
#   brings it back.
#
# Output seen:
#   center note: text 60.00, value 0.472
#   as made: 14080.0 Hz
#   center note set to 60: 440.0 Hz
#   filter: text 20000.00, value 1.000, switched on: -42 dB, at 20000: 0 dB
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
sine = 0.5 * np.sin(2.0 * np.pi * 440.0 * np.arange(40 * RATE) / RATE)
sample = np.stack([sine, sine]).astype(np.float32)


def play(values):
    engine = dawdreamer.RenderEngine(RATE, 512)
    sampler = engine.make_sampler_processor("sampler", sample)
    texts = [(sampler.get_parameter_text(index), sampler.get_parameter(index)) for index in (0, 7)]
    for index, value in values.items():
        sampler.set_parameter(index, value)
    sampler.add_midi_note(60, 127, 0.0, 1.0)
    engine.load_graph([(sampler, [])])
    engine.render(1.0)
    return engine.get_audio()[0][RATE // 4 : RATE // 4 * 3], texts


def pitch(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 20))
    return float(np.argmax(spectrum)) * RATE / (1 << 20)


fresh, ((note_text, note), (cutoff_text, cutoff)) = play({})
mended, _ = play({0: 60.0})
filtered, _ = play({0: 60.0, 8: 1.0})
opened, _ = play({0: 60.0, 8: 1.0, 7: 20000.0})
change, cured = (20.0 * np.log10(x.std() / mended.std()) for x in (filtered, opened))
print(f"center note: text {note_text}, value {note:.3f}")
print(f"as made: {pitch(fresh):.1f} Hz")
print(f"center note set to 60: {pitch(mended):.1f} Hz")
print(f"filter: text {cutoff_text}, value {cutoff:.3f}, ", end="")
print(f"switched on: {change:.0f} dB, at 20000: {cured:.0f} dB")
same = abs(pitch(fresh) - 14080.0) < 5.0 and abs(pitch(mended) - 440.0) < 1.0 and change < -30.0
same = same and abs(cured) < 0.5
sys.exit(not (same and float(note_text) == 60.0 and float(cutoff_text) == 20000.0))
PYTHON
