#!/usr/bin/env bash
# pytorch-optimizer's Chebyshev schedule uses its largest step three times, so errors can grow.
#
# Library: pytorch-optimizer 4.1.0 (PyPI), seen 2026-11-30; get_chebyshev_schedule.
# Guess: 16 epochs use the 16 steps that get_chebyshev_perm_steps(16) returns, each once. Those
#   steps are optimal for gradient descent on a quadratic with curvatures from 0.05 to 1: whatever
#   the curvature, at most 0.0014 of the initial error is left. That is 1 / T(1.05 / 0.95), where T
#   is the Chebyshev polynomial of degree 16. The best constant rate leaves 0.2.
# Behaviour: the schedule looks up step epoch - 2, and step 0 in epochs 0 and 1 (source:
#   lr_scheduler/chebyshev.py). So step 0, the largest one, is used three times, and the last two
#   steps are never used. After 8 or 16 epochs the largest error has grown. After 32 epochs it is
#   7000 times the bound. Workaround: a LambdaLR over get_chebyshev_perm_steps, as in the script.
#
# Output seen (plain SGD with lr=1, 2001 curvatures from 0.05 to 1, each error 1 at the start):
#    8 epochs: error left 64, with each step once 0.053, theory 0.053, constant rate 0.45
#     rates [16.91 16.91 16.91  1.01] ..., steps [16.91  1.01  2.31  1.62] ... [3.83 1.27]
#   16 epochs: error left 4.7, with each step once 0.0014, theory 0.0014, constant rate 0.2
#     rates [19.13 19.13 19.13  1.  ] ..., steps [19.13  1.    2.09  1.75] ... [3.32 1.34]
#   32 epochs: error left 0.0067, with each step once 9.5e-07, theory 9.5e-07, constant rate 0.041
#     rates [19.77 19.77 19.77  1.  ] ..., steps [19.77  1.    1.99  1.82] ... [3.56 1.3 ]
#
# Exits with 1 if pytorch-optimizer behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytorch-optimizer==4.1.0 torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import torch
from pytorch_optimizer import get_chebyshev_perm_steps, get_chebyshev_schedule
from torch.optim.lr_scheduler import LambdaLR

LOW, HIGH = 0.05, 1.0
curvatures = torch.linspace(LOW, HIGH, 2001, dtype=torch.float64)


def descend(schedule, epochs):
    """The rates that plain SGD uses, and the largest error that it leaves."""
    errors = torch.nn.Parameter(torch.ones_like(curvatures))
    optimizer = torch.optim.SGD([errors], lr=1.0)
    scheduler, rates = schedule(optimizer), []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        (0.5 * curvatures * errors**2).sum().backward()
        optimizer.step()
        scheduler.step()
    return np.array(rates), errors.abs().max().item()


wrong = []
for epochs in (8, 16, 32):
    steps = get_chebyshev_perm_steps(epochs)
    rates, left = descend(lambda optimizer: get_chebyshev_schedule(optimizer, epochs), epochs)
    _, each_once = descend(
        lambda optimizer: LambdaLR(optimizer, lambda epoch: steps[min(epoch, epochs - 1)]), epochs
    )
    _, constant = descend(lambda optimizer: LambdaLR(optimizer, lambda _: 2 / (LOW + HIGH)), epochs)
    best = 1.0 / np.cosh(epochs * np.arccosh((HIGH + LOW) / (HIGH - LOW)))
    print(
        f"{epochs:2} epochs: error left {left:.2g}, with each step once {each_once:.2g}, "
        f"theory {best:.2g}, constant rate {constant:.2g}"
    )
    print(f"  rates {rates[:4].round(2)} ..., steps {steps[:4].round(2)} ... {steps[-2:].round(2)}")
    assert abs(constant / ((HIGH - LOW) / (HIGH + LOW)) ** epochs - 1.0) < 1e-6
    shifted = np.array_equal(rates[2:], steps[:-2]) and (rates[:3] == steps.max()).all()
    unused = not np.isin(steps[-2:], rates).any()
    wrong.append(shifted and unused and abs(each_once / best - 1.0) < 1e-6)
    wrong.append(left > 1.0 if epochs < 32 else 6900.0 < left / best < 7100.0)
sys.exit(not all(wrong))
PYTHON
