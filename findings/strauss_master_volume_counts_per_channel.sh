#!/usr/bin/env bash
# STRAUSS applies its master volume once per channel: 0.5 gives a peak of 0.25 in a stereo file.
#
# Library: strauss 1.0.3 (PyPI), sonification of data. Seen on 2026-12-01: Sonification.save_stereo
#   and Sonification.save.
# Guess: master_volume is the "amplitude of the largest volume peak, from 0-1", as the docstrings
#   say. So 0.5 gives a peak of 0.5 for any number of channels.
# Behaviour: save_stereo loops over the channels. For each of them it divides the peak that it has
#   found so far by the master volume. So in stereo the volume is squared, if the left is not softer
#   than the right: 0.5 gives 0.25, and 0.25 gives 0.06. In mono it is right.
#   save multiplies the peak that it has found so far by 1.05 for each channel. So the file becomes
#   softer with each channel: at a master volume of 1 the peak is 0.95 in mono and 0.46 in ambiX3.
#
# Output seen (one note straight ahead):
#   save_stereo, mono  : volume 1 -> peak 1.00, volume 0.5 -> peak 0.50, volume 0.25 -> peak 0.25
#   save_stereo, stereo: volume 1 -> peak 1.00, volume 0.5 -> peak 0.25, volume 0.25 -> peak 0.06
#   save, volume 1: mono 0.95, stereo 0.91, 5.1 0.75, ambiX1 0.82, ambiX3 0.46
#
# Exits with 1 if STRAUSS behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 matplotlib==3.11.2 \
    pychord==1.4.1 sf2utils==1.0.0 PyYAML==6.0.3 wavio==0.0.9 pandas==3.1.1 tqdm==4.70.1 \
    ffmpeg-python==0.2.0 ipython==9.18.1 sounddevice==0.5.6
"$folder/venv/bin/pip" install --quiet --no-deps strauss==1.0.3
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2> errors.txt <<'PYTHON' || { cat errors.txt; exit 1; }
import contextlib
import io
import sys

import numpy as np
import wavio
from scipy.io import wavfile
from strauss.generator import Synthesizer
from strauss.score import Score
from strauss.sonification import Sonification
from strauss.sources import Events


def render(setup):
    events = Events(["time", "pitch", "azimuth", "polar"])
    ahead = {"azimuth": np.zeros(2), "polar": np.full(2, 0.5)}
    events.fromdict({"time": np.array([0.0, 1.0]), "pitch": np.array([0.0, 1.0]), **ahead})
    events.apply_mapping_functions(map_lims={"time": (0, 2)})
    generator = Synthesizer()
    generator.modify_preset({"note_length": 0.5})
    sound = Sonification(Score([["A4"]], 1.0), events, generator, setup)
    sound.render()
    return sound


found, line = [], []
for setup in ("mono", "stereo", "5.1", "ambiX1", "ambiX3"):
    peaks = []
    with contextlib.redirect_stdout(io.StringIO()):
        sound = render(setup)
        if setup in ("mono", "stereo"):
            for volume in (1.0, 0.5, 0.25):
                sound.save_stereo("out.wav", master_volume=volume)
                peaks.append(np.abs(wavio.read("out.wav").data).max() / 2**23)
        sound.save("out.wav", master_volume=1.0)
        whole = np.abs(wavfile.read("out.wav")[1].astype(float)).max() / 2**31
    if peaks:
        print(
            f"save_stereo, {setup:6}: volume 1 -> peak {peaks[0]:.2f}, "
            f"volume 0.5 -> peak {peaks[1]:.2f}, volume 0.25 -> peak {peaks[2]:.2f}"
        )
    line.append(f"{setup} {whole:.2f}")
    found += [*peaks, whole]
print("save, volume 1: " + ", ".join(line))
expected = [1.0, 0.5, 0.25, 0.952, 1.0, 0.25, 0.0625, 0.907, 0.746, 0.823, 0.458]
sys.exit(not np.allclose(found, expected, atol=0.002))
PYTHON
