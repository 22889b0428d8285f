#!/usr/bin/env bash
# torchcfm's optimal transport leaves out a third of each batch and takes other items several times.
#
# Library: torchcfm 1.0.7 (PyPI), flow matching for PyTorch.
# Guess: the exact optimal transport between 128 noises and 128 data is a permutation, so
#   OTPlanSampler.sample_plan pairs each noise with one datum and uses each once.
# Behaviour: the plan is a permutation, but the pairs are drawn from it with replacement: of 128
#   data some 80 remain, as chance would have it (1 - 1/e is 63 %), and some come three times or
#   more. So an epoch does not show a model every item. The draw is from NumPy's global generator,
#   so torch.manual_seed does not repeat it. With replace=False each datum comes once.
#
# Output seen (different data in a batch of 128, in five draws):
#   with torch.manual_seed(0): 79, 81, 86, 84, 80
#   with numpy.random.seed(0): 81, 81, 81, 81, 81
#   replace=False: 128, 128, 128, 128, 128
#
# Exits with 1 if torchcfm behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 POT==0.9.7.post1
"$folder/venv/bin/pip" install --quiet --no-deps torchcfm==1.0.7
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import torch
from torchcfm.optimal_transport import OTPlanSampler

torch.set_num_threads(1)
torch.manual_seed(1)
noise, data = torch.randn(128, 8), torch.randn(128, 8)
sampler = OTPlanSampler(method="exact")


def different(name, seed, replace):
    counts = []
    for _ in range(5):
        seed(0)
        paired = sampler.sample_plan(noise, data, replace=replace)[1]
        counts.append(len(torch.unique(paired, dim=0)))
    print(f"{name}: {', '.join(map(str, counts))}")
    return counts


np.random.seed(5)  # so that this script prints the same each time
torchs = different("with torch.manual_seed(0)", torch.manual_seed, True)
numpys = different("with numpy.random.seed(0)", np.random.seed, True)
whole = different("replace=False", torch.manual_seed, False)
left_out = all(65 < count < 100 for count in torchs + numpys)
sys.exit(not (left_out and len(set(torchs)) > 1 and len(set(numpys)) == 1 and set(whole) == {128}))
PYTHON
