#!/usr/bin/env bash
# netcal's ConfidencePenalty rewards confidence: training with it makes a classifier surer.
#
# Library: netcal 1.4.0 (PyPI), seen 2026-12-01; regularization.ConfidencePenalty, a PyTorch loss.
# Guess: it "can be applied to any loss function as a regularizer" and names Pereyra et al. 2017,
#   "penalizing confident output distributions". They add -weight times the entropy to the loss. So
#   sure predictions cost more than unsure ones, and a bigger weight makes the classifier less sure.
# Behaviour: the source adds +weight times the entropy. So the surest prediction costs least, and
#   training makes the classifier surer. The function confidence_penalty of the same module, which
#   takes NumPy arrays, has the right sign. Workaround: a negative weight.
#
# Output seen (4 classes, weight 1, reduction "batchmean"):
#   probability of the best class 0.25: loss  1.386, of the NumPy function -1.386
#   probability of the best class 0.60: loss  1.112, of the NumPy function -1.112
#   probability of the best class 0.90: loss  0.435, of the NumPy function -0.435
#   probability of the best class 0.99: loss  0.067, of the NumPy function -0.067
#   logistic regression, mean probability of the chosen class after training:
#     cross entropy alone                    : 0.63
#     and netcal's penalty, weight 0.3       : 0.69
#     and -0.3 times the entropy, as in paper: 0.55
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

import numpy as np
import torch
from netcal.regularization import ConfidencePenalty, confidence_penalty
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
penalty = ConfidencePenalty(weight=1.0, reduction="batchmean")
right, losses = True, []
for best in (0.25, 0.6, 0.9, 0.99):
    p = torch.tensor([[best] + [(1.0 - best) / 3.0] * 3], dtype=torch.float64)
    entropy = -(p * p.log()).sum().item()
    loss, array = penalty(p.log(), None).item(), float(confidence_penalty(p.numpy(), 1.0))
    print(f"probability of the best class {best:.2f}: loss {loss:6.3f}, ", end="")
    print(f"of the NumPy function {array:6.3f}")
    right = right and np.allclose([loss, array], [entropy, -entropy], atol=1e-5)

labels = torch.randint(0, 4, (800,))
inputs = torch.nn.functional.one_hot(labels, 4).float() + 0.8 * torch.randn(800, 4)


def entropies(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()


def sureness(extra):
    """The mean probability of the chosen class after training with an extra loss."""
    layer = torch.nn.Linear(4, 4)
    torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    descent = torch.optim.LBFGS(layer.parameters(), max_iter=100)

    def loss():
        descent.zero_grad()
        total = cross_entropy(layer(inputs), labels) + extra(layer(inputs))
        total.backward()
        return total

    descent.step(loss)
    return layer(inputs).softmax(1).max(1).values.mean().item()


plain = sureness(lambda logits: 0.0)
seen = sureness(ConfidencePenalty(weight=0.3, reduction="batchmean"))
paper = sureness(lambda logits: -0.3 * entropies(logits))
print("logistic regression, mean probability of the chosen class after training:")
print(f"  cross entropy alone                    : {plain:.2f}")
print(f"  and netcal's penalty, weight 0.3       : {seen:.2f}")
print(f"  and -0.3 times the entropy, as in paper: {paper:.2f}")
sys.exit(not (right and seen > plain + 0.05 and paper < plain - 0.05))
PYTHON
