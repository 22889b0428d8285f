#!/usr/bin/env bash
# WORLD's D4C takes a clean bright tone for pure noise, so its copy is a hiss without a pitch.
#
# Library: pyworld 0.3.5 (PyPI), WORLD in Python.
# Guess: d4c finds an aperiodicity near 0 in a clean pulse train whose pitch is given, as it does in
#   a saw. Its threshold may turn voiced frames into noise, but it is based on the aperiodicity, as
#   its docstring says.
# Behaviour: each frame of a clean pulse train, or of a saw with a resonance at 6 kHz, has an
#   aperiodicity of 1 at all frequencies, as white noise has. What synthesize makes of it is a hiss:
#   it has nothing in common with itself one period later. The default threshold of 0.85 compares no
#   periods, but the power below 4 kHz with that below 7.9 kHz. That tells speech from breath, but
#   many sounds of a synthesizer are brighter. wav2world has the same default. With threshold=0.0
#   the tones are right, and white noise is half a tone.
#
# Output seen (220.5 Hz; median aperiodicity at 300 Hz, 1, 3 and 10 kHz):
#   a saw: 0.00 0.00 0.00 0.00; with threshold=0.0 0.00 0.00 0.00 0.00
#     correlation with itself one period later: 1.00, of its copy 1.00, with threshold=0.0 1.00
#   a saw with a resonance: 1.00 1.00 1.00 1.00; with threshold=0.0 0.00 0.00 0.00 0.00
#     correlation with itself one period later: 1.00, of its copy 0.11, with threshold=0.0 1.00
#   a pulse train: 1.00 1.00 1.00 1.00; with threshold=0.0 0.00 0.00 0.00 0.00
#     correlation with itself one period later: 1.00, of its copy 0.00, with threshold=0.0 0.98
#   white noise: 1.00 1.00 1.00 1.00; with threshold=0.0 0.00 0.01 0.75 0.75
#     correlation with itself one period later: -0.00, of its copy 0.01, with threshold=0.0 0.38
#
# Exits with 1 if pyworld behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyworld==0.3.5 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pyworld

RATE, PITCH = 44_100, 220.5
time = np.arange(RATE) / RATE
HZ = (300, 1_000, 3_000, 10_000)
frames = np.arange(0.0, 1.0, 0.005)
pitches = np.full(len(frames), PITCH)
numbers = np.arange(1, int(RATE / 2 / PITCH))
near = np.exp(-(((numbers * PITCH - 6_000.0) / 500.0) ** 2))
levels = {
    "a saw": 1.0 / numbers,
    "a saw with a resonance": 1.0 / numbers + 0.3 * near,
    "a pulse train": np.ones(len(numbers)),
}
waves = np.cos(2.0 * np.pi * PITCH * np.outer(time, numbers))
sounds = {name: waves @ level for name, level in levels.items()}
sounds = {name: 0.5 * sound / np.abs(sound).max() for name, sound in sounds.items()}
sounds["white noise"] = 0.1 * np.random.default_rng(0).standard_normal(RATE)


def repeats(sound):
    """How far a sound is the same one period later: its correlation over 40 periods."""
    period, sound = round(RATE / PITCH), sound[10_000:18_000]
    return float(np.corrcoef(sound[:-period], sound[period:])[0, 1])


seen = {}
for name, sound in sounds.items():
    bands, copies = [], []
    for settings in ({}, {"threshold": 0.0}):
        noise = pyworld.d4c(sound, pitches, frames, RATE, **settings)
        size = 2 * (noise.shape[1] - 1)
        bands.append([float(np.median(noise[20:-20, hz * size // RATE])) for hz in HZ])
        envelope = pyworld.cheaptrick(sound, pitches, frames, RATE)
        copies.append(repeats(pyworld.synthesize(pitches, envelope, noise, RATE)))
    seen[name] = bands, copies
    default, zero = (" ".join(f"{value:.2f}" for value in row) for row in bands)
    print(f"{name}: {default}; with threshold=0.0 {zero}")
    print(
        f"  correlation with itself one period later: {repeats(sound):.2f}, of its copy "
        f"{copies[0]:.2f}, with threshold=0.0 {copies[1]:.2f}"
    )
bright = [seen[name] for name in ("a saw with a resonance", "a pulse train")]
wrong = all(min(bands[0]) > 0.99 and copies[0] < 0.3 for bands, copies in bright)
right = all(max(bands[1]) < 0.1 and copies[1] > 0.9 for bands, copies in bright)
sys.exit(not (wrong and right and max(seen["a saw"][0][0]) < 0.1))
PYTHON
