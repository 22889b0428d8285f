#!/usr/bin/env bash
# EvoTorch's function cosyne_permutation loses values if it permutes only a part of them.
#
# Library: evotorch 0.6.1 (PyPI), seen 2026-12-01; operators.functional.cosyne_permutation.
# Guess: it returns "the permuted (i.e. shuffled) version of the given decision values". If
#   permute_all is False, "each item within each column is given a probability of staying the same".
#   So the other items change places among themselves, as in the class CosynePermutation and in the
#   paper of Gomez et al. 2008. Each column keeps each of its values.
# Behaviour: the source shuffles the whole column, and then puts back the items that stay. So an
#   item that stays may also appear elsewhere, and another item is lost. Each call loses values, and
#   after 300 calls a column of 20 values has 3 or 4 left. With permute_all=True it permutes.
#   Workaround: the class CosynePermutation.
#
# Output seen (mean number of different values in 200 columns of 20):
#   calls  function, part  function, all  class, part
#       1           18.39          20.00        20.00
#      30           10.18          20.00        20.00
#     300            3.54          20.00        20.00
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
from evotorch import Problem, SolutionBatch
from evotorch.operators import CosynePermutation
from evotorch.operators.functional import cosyne_permutation

torch.manual_seed(1)
ITEMS, COLUMNS = 20, 200
fitness = torch.arange(float(ITEMS))
problem = Problem("max", lambda x: x.sum(), solution_length=COLUMNS, bounds=(0.0, 19.0), seed=1)
operator = CosynePermutation(problem)


def part(values):
    return cosyne_permutation(values, fitness, permute_all=False, objective_sense="max")


def as_class(values):
    batch = SolutionBatch(problem, popsize=ITEMS)
    batch.set_values(values)
    batch.set_evals(fitness)
    return operator(batch).values.clone()


def different(permute, calls):
    """The mean number of different values in a column, after some calls."""
    values = fitness[:, None].repeat(1, COLUMNS)
    for _ in range(calls):
        values = permute(values)
    moved = (values != fitness[:, None]).any()
    return sum(len(column.unique()) for column in values.T) / COLUMNS, bool(moved)


right = True
print("calls  function, part  function, all  class, part")
for calls, most in ((1, 19.0), (30, 11.5), (300, 4.5)):
    found = [different(p, calls) for p in (part, cosyne_permutation, as_class)]
    print(f"{calls:5} {found[0][0]:15.2f} {found[1][0]:14.2f} {found[2][0]:12.2f}")
    right = right and found[0][0] < most and found[1:] == [(ITEMS, True)] * 2
sys.exit(not right)
PYTHON
