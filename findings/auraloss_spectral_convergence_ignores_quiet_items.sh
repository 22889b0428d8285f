#!/usr/bin/env bash
# The spectral convergence of auraloss is one number for a whole batch, so quiet items do not count.
#
# Library: auraloss 0.4.0 (PyPI), losses between sounds for PyTorch.
# Guess: spectral convergence is a ratio, so it does not depend on a sound's level, and the loss of
#   a batch is the mean of its items' losses, as it is for SISDRLoss of the same package.
# Behaviour: the norms are taken over the whole batch before they are divided. A loud item that is
#   right and one 40 dB softer that is silent in the estimate give 0.01, where the mean of both is
#   0.5. So the loss of an item depends on what else is in its batch, a loss of batch size 1 cannot
#   be compared with one of 32, and STFTLoss and MultiResolutionSTFTLoss contain this term by
#   default.
#
# Output seen:
#   spectral convergence: items 0.000 and 0.999, batch 0.010
#   SI-SDR of noisy items: mean -19.94, batch -19.94
#
# Exits with 1 if auraloss behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet auraloss==0.4.0 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from auraloss.freq import STFTLoss
from auraloss.time import SISDRLoss

torch.set_num_threads(1)
torch.manual_seed(0)
target = torch.randn(2, 1, 8192) * torch.tensor([0.3, 0.003])[:, None, None]
estimate = target.clone()
estimate[1] = 0.0  # the quiet item is missed


def losses(loss, estimate):
    items = [float(loss(estimate[i : i + 1], target[i : i + 1])) for i in range(2)]
    return items, float(loss(estimate, target))


items, batch = losses(STFTLoss(w_sc=1.0, w_log_mag=0.0), estimate)
print(f"spectral convergence: items {items[0]:.3f} and {items[1]:.3f}, batch {batch:.3f}")
noisy = target * (1.0 + 0.1 * torch.randn_like(target))
ratios, ratio = losses(SISDRLoss(), noisy)
print(f"SI-SDR of noisy items: mean {sum(ratios) / 2:.2f}, batch {ratio:.2f}")
separate = abs(items[0]) < 0.01 and items[1] > 0.9
sys.exit(not (separate and batch < 0.05 and abs(sum(ratios) / 2 - ratio) < 0.01))
PYTHON
