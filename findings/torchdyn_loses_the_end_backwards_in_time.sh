#!/usr/bin/env bash
# torchdyn's adaptive solvers leave out a third of all ends backwards in time, and return the input.
#
# Library: torchdyn 1.0.6 (PyPI), neural differential equations for PyTorch.
# Guess: odeint(field, x, [1, 0.01], "dopri5") gives two results, of times 1 and 0.01. So sol[-1] is
#   the state at the end, as with torchdiffeq.
# Behaviour: a third of all ends between 0 and 0.1 are left out, and sol[-1] is the result before.
#   Of two times that is the input itself. The last step is cut to the time that is left, but the
#   time after it is a rounded sum. The result is kept only if that sum equals the end, and the loop
#   stops as soon as the end is passed. So if the sum is rounded past the end, nothing is kept. That
#   happens only if the last step begins at more than twice the end, as it does where flows and
#   diffusions run from 1 back to nearly 0. A sampler then returns the noise that it was given, and
#   a CNF the data. Also, the times that are returned are negative.
#
# Output seen (dx/dt = -x back from x = 1 at time 1, in float32; tolerance 1e-4 in the first two):
#   2 times to 0.01: 1 results, the last 1.000 at -1.000
#   11 times to 0.01: 10 results, the last 2.438 at -0.109
#   torchdiffeq: 2 results, the last 2.691
#   exact: 2.691
#   dopri5, tolerance 0.001: 34 of 101 ends from 0 to 0.1 are lost
#   dopri5, tolerance 0.0001: 43 of 101 ends from 0 to 0.1 are lost
#   dopri5, tolerance 1e-05: 33 of 101 ends from 0 to 0.1 are lost
#   tsit5, tolerance 0.001: 34 of 101 ends from 0 to 0.1 are lost
#   tsit5, tolerance 0.0001: 46 of 101 ends from 0 to 0.1 are lost
#   tsit5, tolerance 1e-05: 39 of 101 ends from 0 to 0.1 are lost
#
# Exits with 1 if torchdyn behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 torchcde==0.2.5 attrs==26.1.0 \
    torchdiffeq==0.2.5
"$folder/venv/bin/pip" install --quiet --no-deps torchdyn==1.0.6
"$folder/venv/bin/python" - <<'PYTHON'
import math
import sys

import torch
import torchdiffeq
from torchdyn.numerics import odeint

torch.set_num_threads(1)


def decay(t, x):
    return -x


def solve(end, solver, count=2, tolerance=1e-3):
    """The times and results of torchdyn from time 1 to the end."""
    times, x = torch.linspace(1.0, end, count), torch.ones(1, 1)
    return odeint(decay, x, times, solver, atol=tolerance, rtol=tolerance)


kept = {}
for count in (2, 11):
    times, results = solve(0.01, "dopri5", count, 1e-4)
    kept[count] = len(results)
    last = float(results[-1])
    print(f"{count} times to 0.01: {len(results)} results, the last {last:.3f} at {times[-1]:.3f}")
results = torchdiffeq.odeint(decay, torch.ones(1, 1), torch.tensor([1.0, 0.01]), method="dopri5")
print(f"torchdiffeq: {len(results)} results, the last {float(results[-1]):.3f}")
print(f"exact: {math.exp(0.99):.3f}")
lost = []
for solver in ("dopri5", "tsit5"):
    for tolerance in (1e-3, 1e-4, 1e-5):
        ends = [k / 1000.0 for k in range(101)]
        lost.append(sum(len(solve(end, solver, 2, tolerance)[1]) < 2 for end in ends))
        print(f"{solver}, tolerance {tolerance:g}: {lost[-1]} of 101 ends from 0 to 0.1 are lost")
sys.exit(not (kept == {2: 1, 11: 10} and len(results) == 2 and min(lost) > 10))
PYTHON
