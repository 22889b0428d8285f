#!/usr/bin/env bash
# torchdyn's rk4 is of order 1 if the field depends on time: about as inexact as Euler.
#
# Library: torchdyn 1.0.6 (PyPI), neural differential equations for PyTorch.
# Guess: the solver "rk4" is of order 4, as its docstring says: with twice the steps its error is a
#   sixteenth. It takes four evaluations a step, and is far more exact than Euler or midpoint.
# Behaviour: that holds only if the field does not depend on time. Otherwise twice the steps halve
#   the error, as Euler's do. The table of times begins with the first stage, 0, 1/2, 1/2, 1, but
#   the step reads its first entry for the second stage. So the four stages lie at 0, 0, 1/2 and 1/2
#   of a step: on average the field is read a quarter of a step early. In a flow from noise to data,
#   20 steps of rk4 are 1,700 times as far off as 20 steps of midpoint, at twice the cost, and
#   hardly better than Euler's. The adaptive solvers dopri5 and tsit5 are not concerned.
#
# Output seen (the error at the end after 10, 20, 40 and 80 steps):
#   rotation, without time, euler: 3.3e+00, 1.5e+00, 6.3e-01, 2.8e-01
#   rotation, without time, midpoint: 4.3e-01, 1.0e-01, 2.6e-02, 6.5e-03
#   rotation, without time, rk4: 7.0e-03, 4.9e-04, 3.2e-05, 2.0e-06
#   exp(-t^2), euler: 1.4e-02, 6.5e-03, 3.2e-03, 1.6e-03
#   exp(-t^2), midpoint: 7.3e-04, 1.7e-04, 4.0e-05, 9.8e-06
#   exp(-t^2), rk4: 1.9e-02, 9.3e-03, 4.6e-03, 2.3e-03
#   flow from noise to data, euler: 6.9e-02, 3.6e-02, 1.8e-02, 9.2e-03
#   flow from noise to data, midpoint: 1.2e-04, 1.5e-05, 1.8e-06, 2.3e-07
#   flow from noise to data, rk4: 5.2e-02, 2.5e-02, 1.3e-02, 6.3e-03
#
# Exits with 1 if torchdyn behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 torchcde==0.2.5 attrs==26.1.0
"$folder/venv/bin/pip" install --quiet --no-deps torchdyn==1.0.6
"$folder/venv/bin/python" - <<'PYTHON'
import math
import sys

import torch
from torchdyn.numerics import odeint

torch.set_num_threads(1)
STEPS = (10, 20, 40, 80)
MEAN, SPREAD = 2.0, 0.5


def rotation(t, x):
    """A field without time: a full turn leads back to the start."""
    return 2.0 * math.pi * torch.stack([x[:, 1], -x[:, 0]], 1)


def bell(t, x):
    """The field of exp(-t^2)."""
    return -2.0 * t * x


def flow(t, x):
    """The straight flow from standard normal noise to data of a mean and a spread."""
    variance = (1.0 - t) ** 2 + (SPREAD * t) ** 2
    return MEAN + (SPREAD**2 * t - (1.0 - t)) / variance * (x - MEAN * t)


cases = {
    "rotation, without time": (rotation, [1.0, 0.0], [1.0, 0.0]),
    "exp(-t^2)": (bell, [1.0], [math.exp(-1.0)]),
    "flow from noise to data": (flow, [1.0], [MEAN + SPREAD]),
}
errors = {}
for name, (field, start, end) in cases.items():
    for solver in ("euler", "midpoint", "rk4"):
        x = torch.tensor([start], dtype=torch.float64)
        found = []
        for steps in STEPS:
            times = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
            last = odeint(field, x, times, solver)[1][-1, 0]
            found.append(float((last - torch.tensor(end)).abs().max()))
        errors[name, solver] = found
        print(f"{name}, {solver}: {', '.join(f'{error:.1e}' for error in found)}")
orders = {key: math.log2(found[2] / found[3]) for key, found in errors.items()}
as_guessed = orders["rotation, without time", "rk4"] > 3.8 and orders["exp(-t^2)", "midpoint"] > 1.8
first = all(abs(orders[name, "rk4"] - 1.0) < 0.2 for name in list(cases)[1:])
sys.exit(not (as_guessed and first))
PYTHON
