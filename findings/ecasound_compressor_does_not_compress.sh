#!/usr/bin/env bash
# ecasound's compressor -ec does not compress tones at a threshold of 0.1 %, and expands one.
# Needs Debian 12 on amd64 (or a system with its apt and libraries), and the lists of
#   "apt-get update".
#
# Program: ecasound 2.9.3 (Debian's ecasound 2.9.3-4+b1); -ec:rate,threshold-%. Seen in December
#   2026; the newest source at GitHub (e64ec50) has the same code.
# Guess: the manual says "'rate' dB change in input signal causes 1dB change in output". So at rate
#   4 the 7 dB between two tones above the threshold become 7 / 4 dB at any pitch.
# Behaviour: at a threshold of 0.1 % the 7 dB stay 7.0 dB at three pitches, and become 17.8 dB
#   at 220 Hz. At 10 % they become 4.2 to 5.3 dB. By the source, the compressor measures no level.
#   It divides the step from sample to sample by 2^(rate / 6), and multiplies the last output by
#   the ratio of the shortened to the last input. It starts again from the input at each sample
#   below the threshold.
# Cost: a low threshold does not even out loud and soft tones. It makes them softer by an amount
#   that depends on the pitch. The manual invites a value of 0.1: it names the setting
#   "threshold-%", but says that it varies from 0.0 to 1.0.
#
# Output seen (sines at a rate of 48 kHz, rate 4; output level in dB of a sine of full scale):
#   threshold    pitch   in at -10 dB   in at -3 dB   difference
#        10 %   220 Hz      -13.1         -8.7             4.4
#        10 %   440 Hz      -13.2         -8.8             4.3
#        10 %   880 Hz      -13.4         -9.2             4.2
#        10 %  1000 Hz      -13.3         -8.1             5.3
#         1 %   220 Hz      -20.8        -16.9             3.9
#         1 %   440 Hz      -21.1        -16.9             4.1
#         1 %   880 Hz      -21.0        -13.1             8.0
#         1 %  1000 Hz      -19.1        -12.1             7.0
#       0.1 %   220 Hz      -23.1         -5.3            17.8
#       0.1 %   440 Hz      -29.3        -22.3             7.0
#       0.1 %   880 Hz      -23.9        -16.9             7.0
#       0.1 %  1000 Hz      -19.1        -12.1             7.0
#
# Exits with 1 if ecasound behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download ecasound=2.9.3-4+b1 \
    libaudiofile1=0.3.6-5+deb12u1 libsamplerate0=0.2.2-3 libjack-jackd2-0=1.9.21~dfsg-3 \
    libserd-0-0=0.30.16-1 libsord-0-0=0.16.14+git221008-1 libsratom-0-0=0.6.14-1 \
    liblilv-0-0=0.24.14-1 liblo7=0.31-1)
for package in "$folder"/*.deb; do dpkg -x "$package" "$folder"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.2.6
HOME="$folder" LD_LIBRARY_PATH="$folder/usr/lib/x86_64-linux-gnu" \
    "$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys

import numpy as np

RATE = 48_000
folder = sys.argv[1]


def ecasound(sound, effect):
    """Returns a sound after an effect of ecasound, from file to file."""
    source, result = f"{folder}/in.raw", f"{folder}/out.raw"
    sound.astype("f4").tofile(source)
    form = f"-f:f32_le,1,{RATE}"
    command = [f"{folder}/usr/bin/ecasound", "-q", "-x", form, "-i", source, effect]
    subprocess.run([*command, form, "-o", result], check=True, capture_output=True)
    return np.fromfile(result, "f4")


def level(pitch, decibels, threshold):
    """The level of a sine after the compressor of rate 4, in dB of a sine of full scale."""
    sine = 10 ** (decibels / 20) * np.sin(2 * np.pi * pitch * np.arange(RATE) / RATE)
    sound = ecasound(sine, f"-ec:4,{threshold}")
    return 20 * np.log10(np.sqrt(2) * sound[RATE // 2 :].std())


seen, levels = [], []
print("threshold    pitch   in at -10 dB   in at -3 dB   difference")
for threshold in (10, 1, 0.1):
    for pitch in (220, 440, 880, 1000):
        soft, loud = (level(pitch, decibels, threshold) for decibels in (-10, -3))
        seen.append(loud - soft)
        levels.append(soft)
        print(f"{threshold:7} %  {pitch:4} Hz  {soft:9.1f} {loud:12.1f} {loud - soft:15.1f}")
expected = [4.4, 4.3, 4.2, 5.3, 3.9, 4.1, 8.0, 7.0, 17.8, 7.0, 7.0, 7.0]
expected_levels = [-13.1, -13.2, -13.4, -13.3, -20.8, -21.1, -21.0, -19.1]
expected_levels += [-23.1, -29.3, -23.9, -19.1]
same = np.allclose(seen, expected, atol=0.11)
sys.exit(not (same and np.allclose(levels, expected_levels, atol=0.11)))
PYTHON
