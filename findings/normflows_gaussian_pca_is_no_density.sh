#!/usr/bin/env bash
# normflows' GaussianPCA gives wrong densities, draws without noise and fits a far too narrow one.
#
# Library: normflows 1.7.3 (PyPI), normalizing flows for PyTorch.
# Guess: GaussianPCA, "a Gaussian distribution resulting from linearly mapping a normal distributed
#   latent variable", is the normal distribution of the covariance W'W + sigma^2 I. Its log_prob is
#   that density's logarithm, and its samples have that covariance.
# Behaviour: log_prob subtracts half of the determinant where half of its logarithm belongs, and
#   adds d/2 log(2 pi) instead of subtracting it. Samples lack the noise sigma. So the density is
#   wrong by thousands of nats, and the larger the spread, the lower it is. A fit by maximum
#   likelihood therefore finds the covariance divided by the (d + 1)th root of its determinant: of
#   data with a variance of 9 it finds 2.09 in two dimensions, and 1.55 in four. As the base of a
#   flow it gives likelihoods that cannot be compared with those of any other model.
#
# Output seen (half of the dimensions with a variance of 10, half with the noise alone, 1):
#   2 dimensions: log density off by -0.2, standard deviation of the noise 0.00
#   4 dimensions: log density off by -40.3, standard deviation of the noise 0.00
#   8 dimensions: log density off by -4980.7, standard deviation of the noise 0.00
#   fit to 2 dimensions of variance 9: variance 2.09
#   fit to 4 dimensions of variance 9: variance 1.55
#
# Exits with 1 if normflows behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet normflows==1.7.3 torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
from normflows.distributions import GaussianPCA
from torch.distributions import MultivariateNormal

torch.set_num_threads(1)
torch.manual_seed(0)


def true_normal(model):
    """The normal distribution that the documentation and the parameters describe."""
    covariance = model.W.T @ model.W + (2.0 * model.log_sigma).exp() * torch.eye(model.dim)
    return MultivariateNormal(model.loc[0], covariance)


def fit(data):
    """The mean variance of the distribution that maximum likelihood finds."""
    model = GaussianPCA(data.shape[1], data.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(1500):
        optimizer.zero_grad()
        loss = -model.log_prob(data).mean()
        loss.backward()
        optimizer.step()
    return float(true_normal(model).variance.detach().mean())


errors, noises, variances = {}, {}, {}
for size in (2, 4, 8):
    model = GaussianPCA(size, size // 2, sigma=1.0)
    with torch.no_grad():
        model.W.copy_(3.0 * torch.eye(size)[: size // 2])
        data = true_normal(model).sample((1000,))
        error = model.log_prob(data) - true_normal(model).log_prob(data)
        errors[size] = float(error.mean())
        noises[size] = float(model(1000)[0][:, size // 2 :].std())
    print(
        f"{size} dimensions: log density off by {errors[size]:.1f}, "
        f"standard deviation of the noise {noises[size]:.2f}"
    )
for size in (2, 4):
    variances[size] = fit(3.0 * torch.randn(5000, size))
    print(f"fit to {size} dimensions of variance 9: variance {variances[size]:.2f}")
wrong = errors[4] < -30.0 and errors[8] < -4000.0 and max(noises.values()) == 0.0
sys.exit(not (wrong and abs(variances[2] - 2.08) < 0.1 and abs(variances[4] - 1.55) < 0.1))
PYTHON
