#!/usr/bin/env bash
# flow_matching's discrete solver goes on to the end of the flow wherever it is told to stop.
#
# Library: flow_matching 1.0.10 (PyPI), Meta's flow matching for PyTorch.
# Guess: MixtureDiscreteEulerSolver.sample with time_grid from 0 to 0.5 returns the state at 0.5, as
#   its documentation says, where half of the tokens are still masked; a second call from 0.5 to 1
#   ends as one call from 0 to 1 does.
# Behaviour: the last step of each call puts a draw of the end in place of the state, whatever the
#   last time is. So no token is masked, at 0.1 as at 0.9. The tokens of that draw are independent,
#   so it tears apart what belongs together: the data here are pairs of equal tokens, and a flow in
#   two calls makes up to 41 % unequal pairs. It costs whoever stops on the way to look, to steer or
#   to change the step size. The states on the way of a single call are right, with
#   return_intermediates=True.
#
# Output seen:
#   0 to 1: 0.5% of the pairs are unequal
#   0 to 0.1: 0.0% masked (90.1% at 0.1 within one call); and on to 1: 40.7% unequal
#   0 to 0.5: 0.0% masked (50.2% at 0.5 within one call); and on to 1: 13.5% unequal
#   0 to 0.9: 0.0% masked (10.5% at 0.9 within one call); and on to 1: 1.0% unequal
#
# Exits with 1 if flow_matching behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flow_matching==1.0.10 tqdm==4.70.1 \
    torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from flow_matching.path import MixtureDiscreteProbPath
from flow_matching.path.scheduler import CondOTScheduler
from flow_matching.solver import MixtureDiscreteEulerSolver
from flow_matching.utils import ModelWrapper

torch.set_num_threads(1)
torch.manual_seed(0)
MASK, PAIRS = 2, 10_000


class Exact(ModelWrapper):
    """The chances of both tokens at the end: what is known stays. The data are 0 0 and 1 1."""

    def forward(self, x, t, **extras):
        known = torch.where(x == MASK, x.flip(-1), x)
        chances = torch.nn.functional.one_hot(known, num_classes=3).float()
        chances[known == MASK] = torch.tensor([0.5, 0.5, 0.0])
        return chances


path = MixtureDiscreteProbPath(CondOTScheduler())
solver = MixtureDiscreteEulerSolver(Exact(None), path, vocabulary_size=3)


def flow(state, *times, **settings):
    return solver.sample(state, step_size=0.01, time_grid=torch.tensor(times), **settings)


def unequal(state):
    return float((state[:, 0] != state[:, 1]).float().mean())


def masked(state):
    return float((state == MASK).float().mean())


start = torch.full((PAIRS, 2), MASK)
whole = unequal(flow(start, 0.0, 1.0))
print(f"0 to 1: {whole:.1%} of the pairs are unequal")
wrong, right = [], []
for stop in (0.1, 0.5, 0.9):
    middle = flow(start, 0.0, stop)
    within = flow(start, 0.0, stop, 1.0, return_intermediates=True)[1]
    torn = unequal(flow(middle, stop, 1.0))
    print(
        f"0 to {stop}: {masked(middle):.1%} masked ({masked(within):.1%} at {stop} within one "
        f"call); and on to 1: {torn:.1%} unequal"
    )
    wrong.append((masked(middle), torn))
    right.append(abs(masked(within) - (1.0 - stop)))
sys.exit(not (whole < 0.02 and max(right) < 0.02 and wrong[0][0] == 0.0 and wrong[0][1] > 0.3))
PYTHON
