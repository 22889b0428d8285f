#!/usr/bin/env bash
# librosa's YIN hears a low sine sharp, and so does its pYIN.
#
# Library: librosa 0.11.0 (PyPI).
# Guess: YIN is exact for a steady sine of which a frame holds several periods, so librosa.yin with
#   its default frame is within 2 cents of 35 to 220 Hz, as in librosa 0.10.2; librosa.pyin, which
#   counts in steps of 10 cents, is within 5.
# Behaviour: 0.11.0 is sharp on every frame, the more the lower: 18 cents at 35 Hz, 2 at 220 Hz; pyin
#   is 22 cents sharp at 35 Hz. In 0.11.0 a frame counts as followed by silence: at a lag of k, its
#   last k samples are compared with zeros. So the difference grows with the lag, and its dip lies at
#   a lag that is too short. (librosa.core.pitch._cumulative_mean_normalized_difference subtracts
#   the energy of the first k samples, but not that of the last k.)
#
# Output seen (median over frames, and the range over frames, in cents):
#   librosa 0.10.2,  35.0 Hz: yin   0.0 ( 0.0 to  0.0), pyin   2.5
#   librosa 0.10.2,  55.0 Hz: yin   0.0 ( 0.0 to  0.0), pyin  -0.0
#   librosa 0.10.2, 110.0 Hz: yin   0.0 ( 0.0 to  0.0), pyin  -0.0
#   librosa 0.10.2, 220.0 Hz: yin   0.1 ( 0.1 to  0.1), pyin  -0.0
#   librosa 0.11.0,  35.0 Hz: yin  18.0 ( 8.2 to 27.5), pyin  22.5
#   librosa 0.11.0,  55.0 Hz: yin  10.4 ( 4.7 to 15.8), pyin  10.0
#   librosa 0.11.0, 110.0 Hz: yin   4.6 ( 2.3 to  7.1), pyin  -0.0
#   librosa 0.11.0, 220.0 Hz: yin   2.3 ( 1.2 to  3.4), pyin  -0.0
#
# Exits with 1 if librosa behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/hear.py" <<'PYTHON'
import sys

import librosa
import numpy as np

errors = []
for hz in (35.0, 55.0, 110.0, 220.0):
    sine = np.sin(2 * np.pi * hz * np.arange(2 * 22_050) / 22_050)
    settings = {"fmin": librosa.note_to_hz("C1"), "fmax": 500.0, "sr": 22_050}
    yin = librosa.yin(sine, **settings)
    pyin, _, _ = librosa.pyin(sine, **settings)
    # Without the first and last frames, which reach past the ends of the sound.
    yin, pyin = (1200 * np.log2(pitch[4:-4] / hz) for pitch in (yin, pyin))
    errors.append([np.median(yin), yin.min(), yin.max(), np.nanmedian(pyin)])
    middle, low, high, probabilistic = errors[-1]
    print(
        f"librosa {librosa.__version__}, {hz:5.1f} Hz: yin {middle:5.1f} ({low:4.1f} to {high:4.1f}), "
        f"pyin {probabilistic:5.1f}"
    )
sharp = np.array(errors)
if librosa.__version__.startswith("0.10"):
    sys.exit(not (np.abs(sharp[:, :3]) < 2.0).all())
sys.exit(not ((sharp[:, 1] > 0.5).all() and sharp[0, 0] > 15.0 and sharp[0, 3] > 15.0))
PYTHON
for version in 0.10.2 0.11.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet "librosa==$version" numpy==1.26.4 setuptools==75.8.0
    "$folder/$version/bin/python" "$folder/hear.py"
done
