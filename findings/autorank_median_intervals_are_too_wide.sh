#!/usr/bin/env bash
# autorank's intervals of the median are 1.4 times too wide: those of 97.5 % cover 99.8 %.
#
# Library: autorank 1.3.0 (PyPI), seen 2026-12-01; ci_lower and ci_upper for populations that are
#   not normal.
# Guess: of n sorted values, the interval of the median runs from rank n/2 - z sqrt(n)/2 to
#   1 + n/2 + z sqrt(n)/2, since the number of values below the median has a standard deviation of
#   sqrt(n)/2. autorank divides alpha by the number of populations, so two at 0.05 have 97.5 % each.
# Behaviour: the source has sqrt(n/2) instead of sqrt(n)/2, which is 1.41 times as much. So the
#   intervals of two methods overlap where they should not. Intervals of the mean, for normal
#   populations, are right.
#
# Output seen:
#   numbers from 1 to 100: width 33, should be 23: 1.41
#   numbers from 1 to 1000: width 101, should be 72: 1.41
#   numbers from 1 to 10000: width 317, should be 225: 1.41
#   intervals of 97.5 %: 99.8% cover the median, 98.0% the mean
#
# Exits with 1 if autorank behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet autorank==1.3.0 baycomp==1.0.3 matplotlib==3.11.2 \
  numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 statsmodels==0.15.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import sys

import numpy as np
import pandas as pd
from autorank import autorank
from scipy import stats

rng = np.random.default_rng(0)


def intervals(values, mode):
    with contextlib.redirect_stdout(io.StringIO()):
        table = autorank(pd.DataFrame(values), alpha=0.05, force_mode=mode).rankdf
    return table[["ci_lower", "ci_upper"]].to_numpy(float)


def coverage(draw, mode, true):
    found = np.concatenate([intervals(draw((200, 2)), mode) for _ in range(500)])
    return np.mean((found[:, 0] <= true) & (true <= found[:, 1]))


right = True
z = stats.norm.ppf(1 - 0.05 / 2 / 2)
for n in (100, 1000, 10000):
    numbers = np.stack([rng.permutation(n) + 1 for _ in range(2)], axis=1)
    width = np.diff(intervals(numbers, "nonparametric")[0])[0]
    should = 1 + z * np.sqrt(n)
    print(f"numbers from 1 to {n}: width {width:.0f}, should be {should:.0f}: {width / should:.2f}")
    right = right and abs(width - 1 - z * np.sqrt(2 * n)) < 2
medians = coverage(lambda size: rng.exponential(size=size), "nonparametric", np.log(2))
means = coverage(lambda size: rng.normal(size=size), "parametric", 0.0)
print(f"intervals of 97.5 %: {medians:.1%} cover the median, {means:.1%} the mean")
sys.exit(not (right and medians > 0.99 and 0.96 < means < 0.988))
PYTHON
