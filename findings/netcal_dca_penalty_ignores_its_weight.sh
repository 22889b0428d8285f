#!/usr/bin/env bash
# netcal's DCAPenalty ignores its weight: a weight of 0 costs as much as one of 10.
#
# Library: netcal 1.4.0 (PyPI), seen 2026-12-01; regularization.DCAPenalty, a PyTorch loss.
# Guess: weight is the "Weight of DCA regularization": the penalty is the weight times the
#   difference between the mean confidence and the accuracy of a batch. A weight of 0 turns it off.
# Behaviour: the constructor stores the weight, and the forward call never reads it. So a search for
#   the best weight trains the same model each time. MMCEPenalty of the same module multiplies by
#   its weight. Workaround: multiply the penalty by the weight.
#
# Output seen (64 predictions of 4 classes):
#   weight  0.0: DCAPenalty 0.499, should be 0.000; MMCEPenalty 0.000, should be 0.000
#   weight  0.5: DCAPenalty 0.499, should be 0.250; MMCEPenalty 0.194, should be 0.194
#   weight  1.0: DCAPenalty 0.499, should be 0.499; MMCEPenalty 0.388, should be 0.388
#   weight 10.0: DCAPenalty 0.499, should be 4.995; MMCEPenalty 3.878, should be 3.878
#
# Exits with 1 if netcal behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 scipy==1.17.1 \
  scikit-learn==1.9.1 matplotlib==3.11.2 tqdm==4.70.1
"$folder/venv/bin/pip" install --quiet --no-deps netcal==1.4.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from netcal.regularization import DCAPenalty, MMCEPenalty

torch.manual_seed(0)
logits, labels = 3.0 * torch.randn(64, 4), torch.randint(0, 4, (64,))
sure, chosen = logits.softmax(dim=1).max(dim=1)
difference = (sure.mean() - (chosen == labels).float().mean()).abs().item()
mmce = MMCEPenalty(weight=1.0)(logits, labels).item()
right = True
for weight in (0.0, 0.5, 1.0, 10.0):
    seen = DCAPenalty(weight=weight)(logits, labels).item()
    control = MMCEPenalty(weight=weight)(logits, labels).item()
    print(f"weight {weight:4.1f}: DCAPenalty {seen:.3f}, ", end="")
    print(f"should be {weight * difference:.3f}; MMCEPenalty {control:.3f}, ", end="")
    print(f"should be {weight * mmce:.3f}")
    right = right and abs(seen - difference) < 1e-5 and abs(control - weight * mmce) < 1e-4
sys.exit(not (right and difference > 0.1 and mmce > 0.01))
PYTHON
