#!/usr/bin/env bash
# The average of ema-pytorch reaches ten times as far back as its beta says.
#
# Library: ema-pytorch 0.8.3 (PyPI), exponential moving averages of models.
# Guess: EMA(model, beta=0.999), updated after each step, averages over the last 1,000 steps, as
#   beta / (1 - beta) says and as torch.optim.swa_utils does with the same decay.
# Behaviour: update_every is 10 by default: nine of ten calls of update() do nothing, and the tenth
#   uses beta as it is, not its tenth power. So the age tends to 10,000 steps; it is 7,786 after
#   30,000 steps, where 999 were meant. In the first 3,000 steps it is nearly half the training.
#   With the default beta of 0.9999 the average reaches up to 100,000 steps back: a short training
#   is judged by an old model. With update_every=1 the age is as guessed.
#
# Output seen (mean age of the weights in steps):
#   torch 631 after 1000, 949 after 3000, 999 after 10000, 999 after 30000
#   update_every=1 86 after 1000, 193 after 3000, 446 after 10000, 941 after 30000
#   update_every by default 499 after 1000, 1302 after 3000, 3400 after 10000, 7786 after 30000
#
# Exits with 1 if ema-pytorch behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.2.6 ema-pytorch==0.8.3
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from ema_pytorch import EMA
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.set_num_threads(1)
STEPS = (1000, 3000, 10_000, 30_000)


@torch.no_grad()
def ages(name, make, update):
    """The mean age of the weights: each step's weight is the number of the step."""
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.fill_(0.0)
    average, found = make(model), []
    for step in range(1, max(STEPS) + 1):
        model.weight.fill_(float(step))
        update(average, model)
        if step in STEPS:
            kept = average.module if name == "torch" else average.ema_model
            found.append(step - kept.weight.item())
    pairs = zip(found, STEPS, strict=True)
    print(f"{name:24s}" + ", ".join(f"{age:6.0f} after {step}" for age, step in pairs))
    return found


def swa(model):
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))


def each_step(model):
    return EMA(model, beta=0.999, update_every=1)


def by_default(model):
    return EMA(model, beta=0.999)


torchs = ages("torch", swa, lambda average, model: average.update_parameters(model))
each = ages("update_every=1", each_step, lambda average, model: average.update())
default = ages("update_every by default", by_default, lambda average, model: average.update())
as_guessed = abs(torchs[-1] - 999) < 10 and abs(each[-1] - 999) < 100
sys.exit(not (as_guessed and 7000 < default[-1] < 8500 and default[0] > 400))
PYTHON
