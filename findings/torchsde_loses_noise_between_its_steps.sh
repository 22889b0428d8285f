#!/usr/bin/env bash
# torchsde's paths lose their noise between its steps: at audio rate most of it by default.
#
# Library: torchsde 0.2.6 (PyPI), solvers for stochastic differential equations in PyTorch.
# Guess: sdeint returns a path at the times ts, so its values there have the distribution of the
#   process. It takes steps of dt = 0.001 by default and ends steps at each ts, or draws the noise
#   in between from a Brownian bridge, as its BrownianInterval can.
# Behaviour: it steps by dt wherever the times are, and draws a straight line between two steps. So
#   a path that is asked for more finely than dt is smooth in between. Halfway through a step, a
#   Brownian motion has half of its variance. The sum of its squared increments over one second
#   should be 1 for any grid: it is 0.1 for times 0.0001 s apart, and 0.02 at 44.1 kHz. Noise that
#   is made so is dull: it falls off from 500 Hz on. It is no better with adaptive steps, whose
#   tolerance holds at their ends only. Way out: a dt no longer than the distance of the times.
#
# Output seen (Brownian motion; parts of the true variances; the last digits vary from run to run):
#   default dt: 0.50 of the variance at 0.0005 s, 1.00 at 0.001 s
#   every 0.01 s: squared increments of one second 0.966
#   every 0.001 s: squared increments of one second 1.004
#   every 0.0001 s: squared increments of one second 0.100
#   44.1 kHz: squared increments of one second 0.022
#   every 0.01 s, dt 0.1: squared increments of one second 0.095
#   every 0.01 s, dt 0.01: squared increments of one second 1.059
#   every 0.01 s, adaptive: squared increments of one second 0.050
#
# Exits with 1 if torchsde behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torchsde==0.2.6 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torchsde

torch.set_num_threads(1)
torch.manual_seed(0)


class Brownian(torch.nn.Module):
    noise_type, sde_type = "diagonal", "ito"

    def f(self, t, y):
        return torch.zeros_like(y)

    def g(self, t, y):
        return torch.ones_like(y)


def paths(times, count, **options):
    return torchsde.sdeint(Brownian(), torch.zeros(count, 1), times, **options)[..., 0]


half = paths(torch.tensor([0.0, 0.0005, 0.001]), 50_000).var(dim=1)[1:] / torch.tensor([5e-4, 1e-3])
print(f"default dt: {half[0]:.2f} of the variance at 0.0005 s, {half[1]:.2f} at 0.001 s")
sums = {}
for name, space, options in (
    ("every 0.01 s", 0.01, {}),
    ("every 0.001 s", 0.001, {}),
    ("every 0.0001 s", 0.0001, {}),
    ("44.1 kHz", 1 / 44_100, {}),
    ("every 0.01 s, dt 0.1", 0.01, dict(dt=0.1)),
    ("every 0.01 s, dt 0.01", 0.01, dict(dt=0.01)),
    ("every 0.01 s, adaptive", 0.01, dict(dt=0.1, adaptive=True, rtol=1e-4, atol=1e-4)),
):
    times = torch.arange(0, 1 + space / 2, space, dtype=torch.float64).float()
    sums[name] = float((paths(times, 20, **options).diff(dim=0) ** 2).sum(dim=0).mean())
    print(f"{name}: squared increments of one second {sums[name]:.3f}")
fine = all(0.8 < sums[name] < 1.2 for name in ("every 0.01 s", "every 0.01 s, dt 0.01"))
lost = sums["every 0.0001 s"] < 0.15 and sums["44.1 kHz"] < 0.04
sys.exit(not (fine and lost and half[0] < 0.6 and 0.9 < half[1] < 1.1))
PYTHON
