#!/usr/bin/env bash
# BayesFlow's Gaussian kernel is a Laplacian: it uses the distance without squaring it.
#
# Library: bayesflow 2.0.12 (PyPI), seen 2026-12-01; metrics.functional.kernels.gaussian, which
#   maximum_mean_discrepancy and the metric MaximumMeanDiscrepancy use with kernel="gaussian".
# Guess: the docstring says "a mixture of Gaussian radial basis functions" with scales that are "the
#   widths". So each is exp(-d^2 / (2 s^2)) or, if a scale is a variance, exp(-d^2 / (2 s)).
# Behaviour: the source computes exp(-d / (2 s)) with the distance d itself. Its tails are far
#   heavier: at s = 1 and d = 5 it is 0.082, where either Gaussian is below 0.00001. The squared MMD
#   of N(0, 1) and N(3, 1) is 0.677, where the closed form for the Gaussian kernel of width 1 is
#   0.897. The matrix is also the transpose of what the docstring says: its rows are the draws of y.
#
# Output seen (one scale, s = 1):
#   d = 0: BayesFlow 1.00000, exp(-d/2) 1.00000, Gaussian 1.00000
#   d = 1: BayesFlow 0.60653, exp(-d/2) 0.60653, Gaussian 0.60653
#   d = 2: BayesFlow 0.36788, exp(-d/2) 0.36788, Gaussian 0.13534
#   d = 3: BayesFlow 0.22313, exp(-d/2) 0.22313, Gaussian 0.01111
#   d = 5: BayesFlow 0.08208, exp(-d/2) 0.08208, Gaussian 0.00000
#   MMD^2 of N(0, 1) and N(3, 1): BayesFlow 0.677, closed form of the Gaussian kernel 0.897
#
# Exits with 1 if BayesFlow behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet bayesflow==2.0.12 keras==3.15.1 jax==0.10.2 numpy==2.4.6 \
    scipy==1.17.1
export KERAS_BACKEND=jax JAX_PLATFORMS=cpu
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from bayesflow.metrics.functional import maximum_mean_discrepancy
from bayesflow.metrics.functional.kernels import gaussian
from keras import ops
from scipy.stats import norm

one = ops.convert_to_tensor(np.ones(1, dtype="float32"))


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, dtype="float32")[:, None])


distances = np.array([0.0, 1.0, 2.0, 3.0, 5.0])
seen = ops.convert_to_numpy(gaussian(tensor([0.0]), tensor(distances), scales=one))
assert seen.shape == (5, 1)  # one x and five y
seen = seen[:, 0]
laplacian, square = np.exp(-distances / 2.0), np.exp(-(distances**2) / 2.0)
for d, k, l, g in zip(distances, seen, laplacian, square, strict=True):
    print(f"d = {d:.0f}: BayesFlow {k:.5f}, exp(-d/2) {l:.5f}, Gaussian {g:.5f}")

# Quantiles of the two distributions; the Gaussian kernel of two normals has a closed form.
quantiles = norm.ppf((np.arange(2000) + 0.5) / 2000)
mmd = float(
    maximum_mean_discrepancy(
        tensor(quantiles), tensor(quantiles + 3.0), kernel="gaussian", scales=one
    )
)
closed = 2.0 / np.sqrt(3.0) * (1.0 - np.exp(-9.0 / 6.0))
print(
    f"MMD^2 of N(0, 1) and N(3, 1): BayesFlow {mmd:.3f}, "
    f"closed form of the Gaussian kernel {closed:.3f}"
)
same = np.allclose(seen, laplacian, atol=1e-5) and square[4] < 1e-5
sys.exit(not (same and np.allclose([mmd, closed], [0.677, 0.897], atol=0.002)))
PYTHON
