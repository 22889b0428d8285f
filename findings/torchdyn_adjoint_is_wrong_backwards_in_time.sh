#!/usr/bin/env bash
# torchdyn's adjoint gives gradients of the wrong sign if the time runs backwards.
#
# Library: torchdyn 1.0.6 (PyPI), neural differential equations for PyTorch.
# Guess: sensitivity="adjoint" gives the gradients of sensitivity="autograd" with less memory, up to
#   the tolerance, whichever way the time runs.
# Behaviour: forwards it does. Backwards the results are the same, but the gradients are not. That
#   of the rate of a logistic growth has the wrong sign, so a training climbs, and that of the start
#   is more than twice as large. odeint solves backwards in time by the mirrored field over the
#   negative times, and returns those. The adjoint takes them for the real times and runs the field
#   over them without the mirror, and so leaves the trajectory. "interpolated_adjoint" is wrong as
#   well: it reads its spline over the negative times at the positive ones. A continuous normalizing
#   flow that is trained from data to noise, or is sampled back, is concerned.
#
# Output seen (derivatives of the sum of the results at the end):
#   time 0 to 1: 1.184 by the start, 0.249 by the rate
#   autograd: 1.184 and 0.249 (result 0.463)
#   adjoint: 1.184 and 0.249 (result 0.463)
#   interpolated_adjoint: 1.184 and 0.249 (result 0.463)
#   time 1 to 0: 0.689 by the start, -0.145 by the rate
#   autograd: 0.689 and -0.145 (result 0.175)
#   adjoint: 1.674 and 0.145 (result 0.175)
#   interpolated_adjoint: 0.585 and -0.083 (result 0.175)
#
# Exits with 1 if torchdyn behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 scipy==1.17.1 attrs==26.1.0 \
    tqdm==4.70.1 pyyaml==6.0.4 packaging==26.4 setuptools==80.9.0 trampoline==0.1.2
"$folder/venv/bin/pip" install --quiet --no-deps torchdyn==1.0.6 torchcde==0.2.5 \
    torchdiffeq==0.2.5 torchsde==0.2.6 pytorch-lightning==2.6.6 lightning-utilities==0.15.3 \
    torchmetrics==1.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from torchdyn.core import NeuralODE

torch.set_num_threads(1)


class Logistic(torch.nn.Module):
    """Growth at a rate up to a limit of 1."""

    def __init__(self):
        super().__init__()
        self.rate = torch.nn.Parameter(torch.tensor(0.7))

    def forward(self, t, x, args=None):
        return self.rate * x * (1.0 - x)


def exact(start, end):
    """The derivatives by the start value and by the rate, from the closed form."""
    x, rate = torch.tensor([0.3, 0.7], dtype=torch.float64).requires_grad_(True).unbind()
    last = torch.sigmoid(torch.logit(x) + rate * (end - start))
    return [float(g) for g in torch.autograd.grad(last, (x, rate))]


def gradients(sensitivity, start, end):
    """The result at the end, and its derivatives by the start value and by the rate."""
    field = Logistic()
    tolerances = dict.fromkeys(("atol", "rtol", "atol_adjoint", "rtol_adjoint"), 1e-6)
    model = NeuralODE(field, "dopri5", sensitivity=sensitivity, **tolerances)
    x = torch.full((1, 1), 0.3, requires_grad=True)
    last = model(x, torch.tensor([start, end]))[1][-1].sum()
    last.backward()
    return last.item(), x.grad.item(), field.rate.grad.item()


found = {}
for start, end in ((0.0, 1.0), (1.0, 0.0)):
    by_start, by_rate = exact(start, end)
    print(f"time {start:g} to {end:g}: {by_start:.3f} by the start, {by_rate:.3f} by the rate")
    for sensitivity in ("autograd", "adjoint", "interpolated_adjoint"):
        last, *found[sensitivity, start] = gradients(sensitivity, start, end)
        by_start, by_rate = found[sensitivity, start]
        print(f"{sensitivity}: {by_start:.3f} and {by_rate:.3f} (result {last:.3f})")


def same(one, other):
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 0.01


forwards = all(same(found[name, 0.0], exact(0.0, 1.0)) for name in ("autograd", "adjoint"))
backwards = [same(found[name, 1.0], exact(1.0, 0.0)) for name in ("autograd", "adjoint")]
sys.exit(not (forwards and backwards == [True, False] and found["adjoint", 1.0][1] > 0.1))
PYTHON
