#!/usr/bin/env bash
# diffusers' flow-matching Euler steps go backwards if each token has a timestep of its own.
#
# Library: diffusers 0.42.1 (PyPI), solvers (schedulers) of diffusion and flow models for PyTorch.
# Guess: FlowMatchEulerDiscreteScheduler.step takes per_token_timesteps, the timestep of each token.
#   If each token has the timestep of the step itself, the result is the same as without them.
# Behaviour: each step goes the other way. The length of a step is the next noise level less the
#   present one; with per_token_timesteps it is the present one less the next. So all samples move
#   away from the data, and no error says so: data with a mean of 2 give samples with a mean of -3
#   and four times the spread. Only the negated velocity gives the right samples. One pipeline of
#   the library negates it before the call, but the docstring does not tell. A sequence of which
#   some tokens are known (timestep 0) and the others are to be drawn needs these timesteps.
#
# Output seen (data of mean 2 and standard deviation 0.5, with their exact velocity):
#    10 steps, one timestep: mean 2.01, standard deviation 0.43
#    10 steps, the same for each token: mean -3.09, standard deviation 2.16
#    10 steps, the same, velocity negated: mean 2.01, standard deviation 0.43
#   100 steps, one timestep: mean 2.01, standard deviation 0.50
#   100 steps, the same for each token: mean -2.96, standard deviation 2.05
#   100 steps, the same, velocity negated: mean 2.01, standard deviation 0.50
#   a velocity of 1 from sigma 0.5 to 0.25: -0.25, for each token +0.25
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
from diffusers import FlowMatchEulerDiscreteScheduler

torch.set_num_threads(1)
MEAN, SPREAD, TOKENS = 2.0, 0.5, 2000
noise = torch.randn(1, TOKENS, 1, generator=torch.Generator().manual_seed(0))


def velocity(x, sigma):
    """The exact velocity, noise less data, of data that are normal."""
    away = (x - (1.0 - sigma) * MEAN) / ((1.0 - sigma) ** 2 * SPREAD**2 + sigma**2)
    return sigma * away - (MEAN + (1.0 - sigma) * SPREAD**2 * away)


def sample(steps, per_token=False, sign=1.0):
    """Mean and standard deviation of the samples."""
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(steps)
    x = noise
    for timestep in scheduler.timesteps:
        tokens = {"per_token_timesteps": timestep.expand(1, TOKENS)} if per_token else {}
        x = scheduler.step(sign * velocity(x, timestep / 1000.0), timestep, x, **tokens).prev_sample
    return float(x.mean()), float(x.std())


seen = {}
for steps in (10, 100):
    for name, options in {
        "one timestep": {},
        "the same for each token": {"per_token": True},
        "the same, velocity negated": {"per_token": True, "sign": -1.0},
    }.items():
        mean, spread = seen[steps, name] = sample(steps, **options)
        print(f"{steps:3d} steps, {name}: mean {mean:.2f}, standard deviation {spread:.2f}")
scheduler = FlowMatchEulerDiscreteScheduler()
moves = []
for tokens in ({}, {"per_token_timesteps": torch.full((1, TOKENS), 500.0)}):
    scheduler.set_timesteps(timesteps=[500.0, 250.0], sigmas=[0.5, 0.25])
    one = torch.ones_like(noise)
    moves.append(float(scheduler.step(one, torch.tensor(500.0), 0.0 * one, **tokens)[0].mean()))
print(f"a velocity of 1 from sigma 0.5 to 0.25: {moves[0]:+.2f}, for each token {moves[1]:+.2f}")
right = all(abs(seen[100, name][0] - 2.0) < 0.05 for name in ("one timestep", name))
sys.exit(not (right and seen[100, "the same for each token"][0] < -2.0 and moves == [-0.25, 0.25]))
PYTHON
