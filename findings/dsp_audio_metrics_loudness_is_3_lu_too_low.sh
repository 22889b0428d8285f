#!/usr/bin/env bash
# dsp-audio-metrics reads stereo 3 LU too low, and so normalises it 3 dB too loud.
#
# Library: dsp-audio-metrics 0.1.1 (PyPI), a loudness meter. Seen on 2026-11-30.
# Guess: "every loudness path follows BS.1770-4", says the README. That standard adds the powers of
#   the channels, so a sine of 1 kHz at a peak of -23 dBFS in both channels reads -23 LUFS
#   (EBU Tech 3341, first test), as it does in pyloudnorm within 0.05 LU.
# Behaviour: it takes the mean of the channels' powers instead of their sum. So each stereo sound
#   reads 3 LU too low, a sound on the left alone as well, and one in three front channels 4.7 LU.
#   normalize_loudness to -14 LUFS returns a sound of -11 LUFS.
#   Mono is counted as two equal channels, as its source says, and so agrees with
#   pyloudnorm.
#
# Output seen:
#   left and right        : -26.00 LUFS, pyloudnorm -23.03
#   left alone            : -29.01 LUFS, pyloudnorm -26.05
#   left, right and centre: -26.00 LUFS, pyloudnorm -21.27
#   mono                  : -26.00 LUFS, pyloudnorm -26.05
#   normalised to -14 LUFS: -11.03 LUFS in pyloudnorm
#
# Exits with 1 if dsp-audio-metrics behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dsp-audio-metrics==0.1.1 pyloudnorm==0.2.0 numpy==2.2.6 \
    scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import dsp_audio_metrics
import numpy as np
import pyloudnorm

RATE = 48_000
sine = 10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * np.arange(10 * RATE) / RATE)
meter = pyloudnorm.Meter(RATE)
sounds = {
    "left and right": np.stack([sine, sine], axis=1),
    "left alone": np.stack([sine, 0 * sine], axis=1),
    "left, right and centre": np.stack([sine, sine, sine], axis=1),
    "mono": sine,
}
differences = []
for name, sound in sounds.items():
    seen = dsp_audio_metrics.integrated_lufs(sound, RATE)
    true = meter.integrated_loudness(sound)
    differences.append(seen - true)
    print(f"{name:22}: {seen:.2f} LUFS, pyloudnorm {true:.2f}")
louder = dsp_audio_metrics.normalize_loudness(sounds["left and right"], RATE, -14.0)
result = meter.integrated_loudness(louder)
print(f"normalised to -14 LUFS: {result:.2f} LUFS in pyloudnorm")
expected = [-2.97, -2.97, -4.73, 0.05]
sys.exit(not (np.allclose(differences, expected, atol=0.02) and abs(result + 11.03) < 0.02))
PYTHON
