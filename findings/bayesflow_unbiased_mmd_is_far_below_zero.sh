#!/usr/bin/env bash
# BayesFlow's unbiased MMD is far below zero, even for two samples of one distribution.
#
# Library: bayesflow 2.0.12 (PyPI), seen 2026-12-01; metrics.functional.maximum_mean_discrepancy.
# Guess: unbiased=True gives the unbiased estimator of Gretton et al. (2012), which the docstring
#   names: the mean kernel of pairs within x, plus that within y, minus twice that between x and y.
#   Its mean is 0 for two samples of one distribution.
# Behaviour: the source counts the last term twice: it has the factor 2/(mn), and is then multiplied
#   by 2 again. It also keeps the pairs of each draw with itself, and divides by m(m+1), not m(m-1).
#   So the result is far below zero. If both samples are ten times as wide, it rises even more than
#   if their means are three standard deviations apart. The default, unbiased=False, is within 0.03
#   of the formula here.
#
# Output seen (500 draws of a normal in two dimensions each; default kernel):
#   same distribution      : biased 0.026, unbiased -10.404, by the formula 0.003
#   means 3 apart          : biased 1.087, unbiased  -8.282, by the formula 1.064
#   same, ten times as wide: biased 0.032, unbiased  -7.056, by the formula 0.003
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

import keras
import numpy as np
from bayesflow.metrics.functional import maximum_mean_discrepancy

SCALES = np.logspace(-6.0, 6.0, 11)


def kernel(x, y):
    """The library's default: inverse multiquadratics of 11 scales, added."""
    squares = ((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=-1)[..., None]
    return (SCALES / (squares + SCALES)).sum(axis=-1)


def formula(x, y):
    """The unbiased estimator of Gretton et al. (2012), Lemma 6."""
    within = 0.0
    for z in (x, y):
        k = kernel(z, z)
        within += (k.sum() - np.trace(k)) / (len(z) * (len(z) - 1))
    return within - 2.0 * kernel(x, y).mean()


def library(x, y, unbiased):
    tensors = [keras.ops.convert_to_tensor(z.astype("float32")) for z in (x, y)]
    return float(maximum_mean_discrepancy(*tensors, unbiased=unbiased))


rng = np.random.default_rng(0)
x, y = rng.normal(size=(500, 2)), rng.normal(size=(500, 2))
cases = {
    "same distribution": (x, y),
    "means 3 apart": (x, y + np.array([3.0, 0.0])),
    "same, ten times as wide": (10.0 * x, 10.0 * y),
}
found = []
for name, (a, b) in cases.items():
    found.append((library(a, b, False), library(a, b, True), formula(a, b)))
    print(
        f"{name:23}: biased {found[-1][0]:.3f}, unbiased {found[-1][1]:7.3f}, "
        f"by the formula {found[-1][2]:.3f}"
    )
expected = [(0.026, -10.404, 0.003), (1.087, -8.282, 1.064), (0.032, -7.056, 0.003)]
near = all(abs(biased - true) < 0.03 for biased, _, true in found)
sys.exit(not (near and np.allclose(found, expected, atol=0.002)))
PYTHON
