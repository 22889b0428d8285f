#!/usr/bin/env bash
# FrEIA's LearnedElementwiseScaling gives its samples densities that are wrong by 37 nats.
#
# Library: FrEIA 0.2 (PyPI), normalizing flows for PyTorch.
# Guess: the log_jac_det that a block returns with rev=True is the negative of the forward one, as
#   for every other block, and init_scale=0.1 makes it multiply by 0.1 at the start.
# Behaviour: the block returns the forward log_jac_det in both directions. So a flow that is trained
#   right on data rates the data right and its own samples wrong, by twice the summed log scales.
#   A flow that is trained by its samples (variational inference) has the wrong sign in its loss,
#   and shrinks to a point where ActNorm finds the target. init_scale has no effect: its logarithm
#   is multiplied by zeros.
#
# Output seen (data of 8 values, with a standard deviation of 0.1):
#   LearnedElementwiseScaling: mean log density of its samples 7.1 forward, -29.8 in reverse
#   ActNorm: mean log density of its samples 7.0 forward, 7.0 in reverse
#   LearnedElementwiseScaling: standard deviation 0.0000 when trained by its samples
#   ActNorm: standard deviation 0.1009 when trained by its samples
#   init_scale 0.1, 1, 10: the block multiplies by [1.0, 1.0, 1.0]
#
# Exits with 1 if FrEIA behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet FrEIA==0.2 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import FrEIA.framework
import FrEIA.modules
import torch
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(0)
BLOCKS = (FrEIA.modules.LearnedElementwiseScaling, FrEIA.modules.ActNorm)


def flow_of(block, **settings):
    flow = FrEIA.framework.SequenceINN(8)
    flow.append(block, **settings)
    flow(0.1 * torch.randn(256, 8))  # ActNorm takes its start from the first batch
    return flow


def density(z):
    return Normal(0.0, 1.0).log_prob(z).sum(-1)


def train(flow, loss):
    optimizer = torch.optim.Adam(flow.parameters(), lr=0.02)
    for _ in range(3_000):
        optimizer.zero_grad()
        loss(flow).backward()
        optimizer.step()
    return flow


def by_data(flow):
    z, log_jac = flow(0.1 * torch.randn(256, 8))
    return -(density(z) + log_jac).mean()


def by_samples(flow):
    z = torch.randn(256, 8)
    x, log_jac = flow(z, rev=True)
    return (density(z) - log_jac - Normal(0.0, 0.1).log_prob(x).sum(-1)).mean()


forward, reverse, spread = [], [], []
for block in BLOCKS:
    flow = train(flow_of(block), by_data)
    z = torch.randn(10_000, 8)
    x, log_jac = flow(z, rev=True)
    reverse.append((density(z) - log_jac).mean().item())
    z, log_jac = flow(x)
    forward.append((density(z) + log_jac).mean().item())
    seen = f"{forward[-1]:.1f} forward, {reverse[-1]:.1f} in reverse"
    print(f"{block.__name__}: mean log density of its samples {seen}")
for block in BLOCKS:
    samples, _ = train(flow_of(block), by_samples)(torch.randn(10_000, 8), rev=True)
    spread.append(samples.std().item())
    print(f"{block.__name__}: standard deviation {spread[-1]:.4f} when trained by its samples")
flows = [flow_of(BLOCKS[0], init_scale=scale) for scale in (0.1, 1.0, 10.0)]
starts = [flow(torch.ones(1, 8))[0][0, 0].item() for flow in flows]
print("init_scale 0.1, 1, 10: the block multiplies by", starts)
wrong = forward[0] - reverse[0] > 35.0 and spread[0] < 0.01 and starts == 3 * [1.0]
sys.exit(not (wrong and abs(forward[1] - reverse[1]) < 0.1 and 0.09 < spread[1] < 0.11))
PYTHON
