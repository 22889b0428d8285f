#!/usr/bin/env bash
# torchdiffeq gives a hard item of a batch a wrong result if the other items are easy.
#
# Library: torchdiffeq 0.2.5 (PyPI), solvers of differential equations for PyTorch.
# Guess: odeint with a method of adaptive steps keeps each item of a batch within its tolerance, so
#   an item has about the same error alone and among 1,023 others.
# Behaviour: a step is taken if the root mean square of the errors of the whole batch is within the
#   tolerance. One item of 1,024 counts for 1/32 of it, so the steps are too long for that item.
#   Here each item turns on a circle, and one turns 30 times as fast as the others. At tolerance
#   1e-3 it ends on the other side of the circle. In a flow or a neural ODE the sample and the
#   likelihood of an outlier depend on the rest of its batch, and are worst in a large batch.
#   With options={"norm": lambda error: error.abs().max()} the batch does not matter.
#
# Output seen (distance from the true end, on a circle of radius 1, with the default dopri5):
#   tolerance 0.001: alone 0.0340, with 31 others 0.2514, with 1023 others 2.1369, by maximum 0.0306
#   tolerance 1e-05: alone 0.0003, with 31 others 0.0016, with 1023 others 0.0099, by maximum 0.0002
#
# Exits with 1 if torchdiffeq behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchdiffeq==0.2.5 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from torchdiffeq import odeint

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def error(others, tolerance, **settings):
    """How far from its true end the first item is. Each item turns on a circle of its own."""
    speed = torch.ones(1 + others)
    speed[0] = 30.0

    def turn(time, place):
        return torch.stack([speed * place[:, 1], -speed * place[:, 0]], dim=-1)

    start = torch.tensor([1.0, 0.0]).repeat(1 + others, 1)
    ends = torch.tensor([0.0, 1.0])
    end = odeint(turn, start, ends, rtol=tolerance, atol=tolerance, **settings)[-1]
    true = torch.stack([torch.cos(speed), -torch.sin(speed)], dim=-1)
    return float((end - true)[0].norm())


holds = []
for tolerance in (1e-3, 1e-5):
    alone, few, many = (error(others, tolerance) for others in (0, 31, 1023))
    maximum = error(1023, tolerance, options={"norm": lambda error: error.abs().max()})
    print(
        f"tolerance {tolerance:g}: alone {alone:.4f}, with 31 others {few:.4f}, "
        f"with 1023 others {many:.4f}, by maximum {maximum:.4f}"
    )
    holds.append(few > 4.0 * alone and many > 25.0 * alone and maximum < 1.5 * alone)
sys.exit(not all(holds))
PYTHON
