#!/usr/bin/env bash
# grafx's ballistics takes the release for the attack, and a slow coefficient for a fast one.
#
# Library: grafx 0.6.0 (PyPI), differentiable audio processors in graphs for PyTorch, with torchcomp
#   0.2.1; Ballistics, which smooths the energy of Compressor and NoiseGate on request.
# Guess: as documented, the envelope keeps the share alpha of its last value, with the attack's
#   alpha where it rises and the release's where it falls. With an attack of 0.9 and a release of
#   0.999 it rises in 10 samples and falls in 1000.
# Behaviour: the two coefficients go to a function of torchcomp that smooths gains. There a
#   coefficient is the share of the new value, and the attack is what acts on a fall. So each
#   coefficient is 1 minus itself, and attack and release change places: what should take 1000
#   samples takes one, and what should be immediate takes 1000. The envelope also begins at 1, as if
#   a sound of full scale had come before. Give Ballistics the logits of 1 - release and of
#   1 - attack, in this order.
#
# Output seen (a burst of 2000 samples; rise and fall by 63 %):
#   attack 0.9, release 0.999: rises in 1 samples and falls in 1; by the documents in 10 and 1000
#   attack 0.999, release 0.9: rises in 1 samples and falls in 1; by the documents in 1000 and 9
#   attack 0.001, release 0.01: rises in 54 samples and falls in 1000; by the documents in 1 and 1
#   first value of the envelope of silence, attack and release 0.1: 0.90
#
# Exits with 1 if grafx behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet grafx==0.6.0 torchcomp==0.2.1 torchlpc==0.7.2 \
    torch-geometric==2.8.1 einops==0.8.2 torch==2.13.0 numba==0.68.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/pip" install --quiet --no-deps torchaudio==2.11.0
# torchaudio's compiled part needs CUDA, and is not needed here: torchaudio does without it.
rm -f "$folder"/venv/lib/python3*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from grafx.processors.core.envelope import Ballistics

torch.set_num_threads(1)
START, END, LENGTH = 1000, 3000, 9000
burst = torch.zeros(1, LENGTH)
burst[:, START:END] = 1.0


def envelope(attack, release):
    return Ballistics()(burst, torch.logit(torch.tensor([[attack, release]])))[0]


def documented(attack, release):
    state, states = 0.0, []
    for value in burst[0].tolist():
        keep = attack if value >= state else release
        state = keep * state + (1.0 - keep) * value
        states.append(state)
    return torch.tensor(states)


def samples(curve):
    """Until the envelope has risen, and fallen, by 1 - 1/e."""
    rise = int((curve[START:END] > 0.632).nonzero()[0]) + 1
    fall = int((curve[END:] < 0.368).nonzero()[0]) + 1
    return rise, fall


seen = {}
for attack, release in ((0.9, 0.999), (0.999, 0.9), (0.001, 0.01)):
    known, curve = documented(attack, release), envelope(attack, release)
    seen[attack] = samples(curve)
    print(
        f"attack {attack:g}, release {release:g}: rises in {seen[attack][0]} samples and falls "
        f"in {seen[attack][1]}; by the documents in {samples(known)[0]} and {samples(known)[1]}"
    )
first = float(Ballistics()(torch.zeros(1, 4), torch.logit(torch.tensor([[0.1, 0.1]])))[0, 0])
print(f"first value of the envelope of silence, attack and release 0.1: {first:.2f}")
fast = seen[0.9] == seen[0.999] == (1, 1)
slow = seen[0.001][0] > 30 and seen[0.001][1] > 900
sys.exit(not (fast and slow and abs(first - 0.9) < 0.01))
PYTHON
