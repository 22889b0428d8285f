#!/usr/bin/env bash
# torchsynth's envelope hurries in a short note: it reaches the peak, even if the attack is longer.
#
# Library: torchsynth 1.0.2 (PyPI), a synthesizer in PyTorch that renders batches of sounds.
# Guess: with an attack and a decay of 0.5 s and a sustain of 0.5, ADSR is at 0.2 at the end of a
#   note of 0.1 s. At the end of a note of 0.75 s it is halfway down the decay, at 0.75: "it will
#   execute the entire attack, and only .25 seconds of the decay", its documentation says.
# Behaviour: attack and decay are squeezed into the note. A note of 0.1 s is at 1 after 0.1 s, and
#   the decay of the note of 0.75 s has ended at the sustain level. So the slope depends on how long
#   the note will last. A short note with a slow attack is as loud as a long one, where other
#   synthesizers leave it soft: at 0.1 s it is 14 dB too loud.
#
# Output seen (level just before the end of the note):
#   note of 0.10 s: 0.98, by the guess 0.20
#   note of 0.25 s: 0.99, by the guess 0.50
#   note of 0.60 s: 0.51, by the guess 0.90
#   note of 0.75 s: 0.50, by the guess 0.75
#   note of 1.50 s: 0.50, by the guess 0.50
#
# Exits with 1 if torchsynth behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/pip" install --quiet --no-deps torchsynth==1.0.2  # its modules need no more
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torchsynth.config import SynthConfig
from torchsynth.module import ADSR

torch.set_num_threads(1)
torch.set_grad_enabled(False)
settings = {"attack": 0.5, "decay": 0.5, "sustain": 0.5, "release": 1.0, "alpha": 1.0}
envelope = ADSR(
    SynthConfig(batch_size=1, reproducible=False),
    **{name: torch.tensor([value]) for name, value in settings.items()},
)


def guess(seconds):
    return 2.0 * seconds if seconds < 0.5 else max(0.5, 1.0 - (seconds - 0.5))


off = {}
for seconds in (0.1, 0.25, 0.6, 0.75, 1.5):
    level = envelope(torch.tensor([seconds])).as_subclass(torch.Tensor).reshape(-1)
    end = float(level[round(seconds * 441) - 1])  # the control rate is 441 Hz
    off[seconds] = end - guess(seconds)
    print(f"note of {seconds:4.2f} s: {end:.2f}, by the guess {guess(seconds):.2f}")
hurries = off[0.1] > 0.7 and off[0.25] > 0.4 and off[0.6] < -0.3 and off[0.75] < -0.2
sys.exit(not (hurries and abs(off[1.5]) < 0.02))
PYTHON
