#!/usr/bin/env bash
# diffusers' churn moves the mean of a flow's samples with Heun, and does nothing with Euler.
#
# Library: diffusers 0.42.1 (PyPI), solvers (schedulers) of diffusion and flow models for PyTorch.
# Guess: s_churn adds some noise in each step, and the step removes it again. So the samples of the
#   exact velocity keep the data's mean and spread, with FlowMatchHeunDiscreteScheduler and with
#   FlowMatchEulerDiscreteScheduler, which takes the same four parameters.
# Behaviour: with Heun the mean grows with the churn, here from 2 to 4.6. The noise is added as in a
#   diffusion whose data keep their size at each noise level. In a flow the data fade as the noise
#   grows, and the step does not fade them: it starts at the higher level, with as much data as at
#   the lower one, and adds the data of the whole way down. The first level even goes beyond pure
#   noise. More steps do not help. With Euler nothing happens at all: the parameters are not read,
#   though the docstring calls one a factor of the noise that is added.
#
# Output seen (data of mean 2 and standard deviation 0.5, with their exact velocity):
#   Heun, 20 steps, churn  0: mean 2.00, standard deviation 0.50
#   Heun, 20 steps, churn  1: mean 2.32, standard deviation 0.56
#   Heun, 20 steps, churn  5: mean 3.19, standard deviation 0.69
#   Heun, 20 steps, churn 20: mean 4.31, standard deviation 0.96
#   Heun, 50 steps, churn  0: mean 2.00, standard deviation 0.50
#   Heun, 50 steps, churn  1: mean 2.33, standard deviation 0.53
#   Heun, 50 steps, churn  5: mean 3.21, standard deviation 0.63
#   Heun, 50 steps, churn 20: mean 4.63, standard deviation 0.87
#   Euler, 50 steps, churn 20: mean 2.00, the same as without churn: True
#
# Exits with 1 if diffusers behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet diffusers==0.42.1 torch==2.13.0 numpy==2.2.6 \
    huggingface-hub==2.4.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler

torch.set_num_threads(1)
MEAN, SPREAD = 2.0, 0.5


def velocity(x, sigma):
    """The exact velocity, noise less data, of data that are normal."""
    away = (x - (1.0 - sigma) * MEAN) / ((1.0 - sigma) ** 2 * SPREAD**2 + sigma**2)
    return sigma * away - (MEAN + (1.0 - sigma) * SPREAD**2 * away)


def sample(kind, steps, churn):
    """Samples of the flow."""
    random = torch.Generator().manual_seed(0)
    scheduler = kind()
    scheduler.set_timesteps(steps)
    x = torch.randn(5000, generator=random)
    for timestep in scheduler.timesteps:
        out = velocity(x, timestep / 1000.0)
        x = scheduler.step(out, timestep, x, s_churn=churn, generator=random).prev_sample
    return x


means = {}
for steps in (20, 50):
    for churn in (0.0, 1.0, 5.0, 20.0):
        x = sample(FlowMatchHeunDiscreteScheduler, steps, churn)
        means[steps, churn] = float(x.mean())
        print(
            f"Heun, {steps} steps, churn {churn:2.0f}: mean {x.mean():.2f}, "
            f"standard deviation {x.std():.2f}"
        )
outs = [sample(FlowMatchEulerDiscreteScheduler, 50, churn) for churn in (0.0, 20.0)]
same = torch.equal(*outs)
print(f"Euler, 50 steps, churn 20: mean {outs[1].mean():.2f}, the same as without churn: {same}")
moved = means[50, 1.0] > 2.2 and means[50, 5.0] > 3.0 and means[50, 20.0] > 4.0
sys.exit(not (same and moved and abs(means[50, 0.0] - 2.0) < 0.05))
PYTHON
