#!/usr/bin/env bash
# nnmnkwii's mean_squared_error is the root of the mean squared error.
#
# Library: nnmnkwii 0.1.3 (PyPI), speech synthesis; nnmnkwii.metrics.
# Guess: mean_squared_error "(MSE)" returns the "mean squared error", as documented, and as
#   scikit-learn's does, which its documentation names as the same without padding.
# Behaviour: it returns the square root of it. lf0_mean_squared_error does the same. So an "MSE" of
#   cepstra is 0.1 instead of 0.01, one of pitch is in Hz instead of squared Hz, and a mean over
#   utterances of equal length is not the value of all of them at once. Compared with published
#   mean squared errors a small one looks worse than it is, and a large one much better.
#
# Output seen:
#   errors of 0.1: nnmnkwii 0.1000, scikit-learn 0.0100
#   errors of 10: nnmnkwii 10.0000, scikit-learn 100.0000
#   pitch 10 Hz too high: nnmnkwii 10.0000, mean of squares 100.0000
#   errors of 1 and 7: nnmnkwii 5.0000, the mean of both utterances 4.0000
#
# Exits with 1 if nnmnkwii behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nnmnkwii==0.1.3 pysptk==1.0.1 scikit-learn==1.9.1 \
    numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from nnmnkwii.metrics import lf0_mean_squared_error, mean_squared_error
from sklearn.metrics import mean_squared_error as reference

target = np.random.default_rng(0).standard_normal((100, 25))
pairs = []
for size in (0.1, 10):
    pairs.append((mean_squared_error(target + size, target), reference(target + size, target)))
    print(f"errors of {size}: nnmnkwii {pairs[-1][0]:.4f}, scikit-learn {pairs[-1][1]:.4f}")
pitch, voiced = np.linspace(100.0, 300.0, 50), np.ones(50)
heard = lf0_mean_squared_error(
    np.log(pitch + 10.0), voiced, np.log(pitch), voiced, linear_domain=True
)
pairs.append((heard, 100.0))
print(f"pitch 10 Hz too high: nnmnkwii {heard:.4f}, mean of squares {pairs[-1][1]:.4f}")
both = np.stack([target + 1.0, target + 7.0]), np.stack([target, target])
whole = mean_squared_error(*both)
mean = np.mean([mean_squared_error(*each) for each in zip(*both)])
print(f"errors of 1 and 7: nnmnkwii {whole:.4f}, the mean of both utterances {mean:.4f}")
got, true = np.array(pairs).T
sys.exit(not (np.allclose(got, np.sqrt(true)) and not np.allclose(whole, mean)))
PYTHON
