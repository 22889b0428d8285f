#!/usr/bin/env bash
# EvoTorch's function one_point_cross_over never cuts before the last gene of a solution.
#
# Library: evotorch 0.6.1 (PyPI), seen 2026-12-01; operators.functional.one_point_cross_over.
# Guess: it "will first randomly decide a cutting point", as the class OnePointCrossOver does. So
#   solutions of L genes are cut at each of the L - 1 gaps between two genes equally often.
# Behaviour: the source draws the point by torch.randint_like(..., 1, solution_length - 1), which
#   leaves out its upper end. So the last two genes always come from the same parent, and solutions
#   of three genes are always cut after the first gene. two_point_cross_over is built on the same
#   function, and never cuts there either. Workaround: the class OnePointCrossOver.
#
# Output seen (share of 20000 pairs of parents that are cut after gene 1, 2 and so on):
#   6 genes, function one_point_cross_over: 0.25 0.25 0.25 0.25 0.00
#   6 genes, class OnePointCrossOver      : 0.20 0.20 0.19 0.20 0.20
#   3 genes, function one_point_cross_over: 1.00 0.00
#   3 genes, class OnePointCrossOver      : 0.50 0.50
#   6 genes, function two_point_cross_over: 0.38 0.38 0.38 0.37 0.00
#
# Exits with 1 if evotorch behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet evotorch==0.6.1 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import logging
import sys

logging.disable(logging.INFO)
import torch
from evotorch import Problem
from evotorch.operators import OnePointCrossOver
from evotorch.operators.functional import one_point_cross_over, two_point_cross_over

torch.manual_seed(1)
PAIRS = 20000


def cuts(children, name):
    """The share of children in which neighbouring genes come from different parents."""
    found = (children[:, :-1] != children[:, 1:]).float().mean(0)
    print(f"{children.shape[1]} genes, {name}:", *(f"{f:.2f}" for f in found))
    return found


def near(found, true):
    return torch.allclose(found, torch.tensor(true), atol=0.02)


right = True
for genes, seen, fair in ((6, [0.25] * 4 + [0.0], [0.2] * 5), (3, [1.0, 0.0], [0.5] * 2)):
    parents = torch.cat([torch.zeros(PAIRS, genes), torch.ones(PAIRS, genes)])
    found = cuts(one_point_cross_over(parents), "function one_point_cross_over")
    right = right and near(found, seen) and found[-1] == 0
    problem = Problem("max", lambda x: x.sum(), solution_length=genes, bounds=(0.0, 1.0), seed=1)
    operator = OnePointCrossOver(problem, tournament_size=1)
    children = operator._do_cross_over(parents[:PAIRS], parents[PAIRS:]).values.clone()
    right = right and near(cuts(children, "class OnePointCrossOver      "), fair)
parents = torch.cat([torch.zeros(PAIRS, 6), torch.ones(PAIRS, 6)])
found = cuts(two_point_cross_over(parents), "function two_point_cross_over")
sys.exit(not (right and found[-1] == 0 and found[:-1].min() > 0.3))
PYTHON
