#!/usr/bin/env bash
# diffusers' DEIS and SA solvers stop a flow one step early, and so leave noise in each sample.
#
# Library: diffusers 0.42.1 (PyPI), solvers (schedulers) of diffusion and flow models for PyTorch.
# Guess: with use_flow_sigmas=True and prediction_type="flow_prediction" each solver integrates the
#   flow from noise to data. If all data are the same value, the exact velocity ends at that value
#   after any number of steps, for the paths are straight.
# Behaviour: UniPC and DPM-Solver do, but DEIS and SA-Solver stop at the noise level 1 / steps: of
#   10 steps each sample keeps a tenth of its noise and has nine tenths of the data. Their list of
#   levels ends with the last one twice instead of with 0, so the last step has no length, and one
#   call of the model is spent on it. Neither docstring tells, and neither solver has an option for
#   the last level. A sound as loud as the noise, drawn in 10 steps, keeps noise 19 dB below it, as
#   from a badly trained model.
#
# Output seen (all data are 1):
#   UniPC, 10 steps: mean 1.000, noise 0.000, last levels 0.101 and 0.000
#   UniPC, 20 steps: mean 1.000, noise 0.000, last levels 0.051 and 0.000
#   UniPC, 50 steps: mean 1.000, noise 0.000, last levels 0.021 and 0.000
#   DPMSolver, 10 steps: mean 1.000, noise 0.000, last levels 0.100 and 0.000
#   DPMSolver, 20 steps: mean 1.000, noise 0.000, last levels 0.050 and 0.000
#   DPMSolver, 50 steps: mean 1.000, noise 0.000, last levels 0.020 and 0.000
#   DEIS, 10 steps: mean 0.899, noise 0.099, last levels 0.100 and 0.100
#   DEIS, 20 steps: mean 0.950, noise 0.050, last levels 0.050 and 0.050
#   DEIS, 50 steps: mean 0.980, noise 0.020, last levels 0.020 and 0.020
#   SASolver, 10 steps: mean 0.900, noise 0.101, last levels 0.100 and 0.100
#   SASolver, 20 steps: mean 0.949, noise 0.050, last levels 0.050 and 0.050
#   SASolver, 50 steps: mean 0.980, noise 0.020, last levels 0.020 and 0.020
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
from diffusers import (
    DEISMultistepScheduler,
    DPMSolverMultistepScheduler,
    SASolverScheduler,
    UniPCMultistepScheduler,
)

torch.set_num_threads(1)
VALUE = 1.0  # each sample of the data is 1, so that all that differs from it is noise
noise = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))


def sample(kind, steps):
    """Samples of the flow, and the last two noise levels."""
    random = torch.Generator().manual_seed(1)
    scheduler = kind(use_flow_sigmas=True, prediction_type="flow_prediction")
    scheduler.set_timesteps(steps)
    options = {"generator": random} if kind is SASolverScheduler else {}
    x = noise
    for index, timestep in enumerate(scheduler.timesteps):
        out = (x - VALUE) / scheduler.sigmas[index]  # the exact velocity, noise less data
        x = scheduler.step(out, timestep, x, **options).prev_sample
    return x, scheduler.sigmas[-2:].tolist()


levels, means = {}, {}
for kind in (
    UniPCMultistepScheduler,
    DPMSolverMultistepScheduler,
    DEISMultistepScheduler,
    SASolverScheduler,
):
    name = kind.__name__.removesuffix("Scheduler").removesuffix("Multistep")
    for steps in (10, 20, 50):
        x, last = sample(kind, steps)
        levels[name, steps], means[name, steps] = float(x.std()), float(x.mean())
        print(
            f"{name}, {steps} steps: mean {x.mean():.3f}, noise {x.std():.3f}, "
            f"last levels {last[0]:.3f} and {last[1]:.3f}"
        )
left = all(
    abs(part * steps - 1.0) < 0.2
    for name in ("DEIS", "SASolver")
    for steps in (10, 20, 50)
    for part in (levels[name, steps], 1.0 - means[name, steps])
)
clean = all(levels[name, 10] < 0.01 for name in ("UniPC", "DPMSolver"))
sys.exit(not (left and clean))
PYTHON
