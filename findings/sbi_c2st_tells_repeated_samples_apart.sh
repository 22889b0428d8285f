#!/usr/bin/env bash
# sbi's c2st tells two sets of samples of one distribution apart if each sample comes twice.
#
# Library: sbi 0.27.0 (PyPI), simulation-based inference.
# Guess: c2st, the accuracy of a classifier that is told to tell two sets of samples apart, is near
#   0.5 for two sets of the same distribution, and repeated samples, as a Metropolis chain or
#   importance resampling gives, change little.
# Behaviour: the classifier is trained on four fifths of the samples and tested on the rest. A
#   sample that comes twice is mostly in both parts, so the classifier knows it by heart. With each
#   sample twice c2st is 0.75 or more, by which an exact posterior counts as a poor one. A set
#   against its own copy is at 0.11, far below chance. So give c2st no repeated samples.
#
# Output seen (c2st of 600 samples of a normal distribution against 600 others of it):
#   2 dimensions, each once: 0.48
#   2 dimensions, each twice: 0.75
#   2 dimensions, by importance: 0.72
#   2 dimensions, a copy of the first: 0.11
#   8 dimensions, each once: 0.52
#   8 dimensions, each twice: 0.82
#   8 dimensions, by importance: 0.89
#   8 dimensions, a copy of the first: 0.11
#
# Exits with 1 if sbi behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet sbi==0.27.0 torch==2.13.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from sbi.utils.metrics import c2st

torch.set_num_threads(1)
torch.manual_seed(0)
COUNT = 600


def resampled(size):
    """Exact samples by importance: draws of a wider normal distribution, taken by their weights."""
    wide = 1.5 * torch.randn(COUNT, size)
    weights = torch.exp((wide**2).sum(dim=-1) * (1.0 / 1.5**2 - 1.0) / 2.0)
    return wide[torch.multinomial(weights, COUNT, replacement=True)]


seen = {}
for size in (2, 8):
    samples = torch.randn(COUNT, size)
    others = {
        "each once": torch.randn(COUNT, size),
        "each twice": torch.randn(COUNT // 2, size).repeat(2, 1),
        "by importance": resampled(size),
        "a copy of the first": samples.clone(),
    }
    for name, other in others.items():
        seen[size, name] = float(c2st(samples, other))
        print(f"{size} dimensions, {name}: {seen[size, name]:.2f}")
sys.exit(
    not all(
        abs(seen[size, "each once"] - 0.5) < 0.06
        and seen[size, "each twice"] > 0.7
        and seen[size, "by importance"] > 0.65
        and seen[size, "a copy of the first"] < 0.3
        for size in (2, 8)
    )
)
PYTHON
