#!/usr/bin/env bash
# tslearn's soft-DTW k-means keeps the worst of its runs: the more runs, the worse the clusters.
#
# Library: tslearn 0.10.0 (PyPI), time series; TimeSeriesKMeans with metric="softdtw".
# Guess: with n_init=8 the best of eight runs is kept, as the documentation says, so three plain
#   kinds of envelopes are found more surely than by a single run.
# Behaviour: the inertia, by which runs are compared, is the mean of the squared distances. Soft-DTW
#   is negative for near series, the more so the nearer they are. Squared, near counts as far, so
#   good clusters have a high inertia and the worst run is kept, in which two kinds share a cluster
#   and one is split. The documentation calls the inertia a sum of distances. With metric="dtw"
#   eight runs are right. So compare soft-DTW runs by the mean of transform(X).min(axis=1), or lower
#   gamma until no distance is negative.
#
# Output seen (three kinds of envelopes, 8 series of 16 samples each; adjusted Rand index):
#   softdtw 1  : Rand index 0.79 of a single run (best 1.00), 0.45 of the best of 8
#       mean distance -23.62, inertia  558.24, Rand index 1.00
#       mean distance -22.95, inertia  527.35, Rand index 0.42
#   softdtw 0.1: Rand index 0.71 of a single run (best 1.00), 0.45 of the best of 8
#       mean distance  -2.00, inertia    4.06, Rand index 1.00
#       mean distance  -1.51, inertia    2.48, Rand index 0.42
#   dtw        : Rand index 0.85 of a single run (best 1.00), 1.00 of the best of 8
#       mean distance   0.17, inertia    0.03, Rand index 1.00
#       mean distance   0.17, inertia    0.03, Rand index 1.00
#
# Exits with 1 if tslearn behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tslearn==0.10.0 numpy==2.4.6 scipy==1.17.1 \
    scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from sklearn.metrics import adjusted_rand_score
from tslearn.clustering import TimeSeriesKMeans

SERIES, LENGTH, RUNS, TRIALS = 8, 16, 8, 4
draw = np.random.default_rng(0)
times = np.linspace(0.0, 1.0, LENGTH)
envelopes = (np.exp(-4 * times), np.minimum(2 * times, 1), np.exp(-(((times - 0.5) / 0.15) ** 2)))
data = np.concatenate([e + 0.05 * draw.standard_normal((SERIES, LENGTH)) for e in envelopes])
truth = np.repeat(range(3), SERIES)


def cluster(metric, gamma, runs, seed):
    """How well the clusters are the three envelopes (1 is best), the mean distance, the inertia."""
    settings = {"gamma": gamma} if metric == "softdtw" else None
    model = TimeSeriesKMeans(
        3, metric=metric, metric_params=settings, n_init=runs, random_state=seed,
        init="random", max_iter=8, max_iter_barycenter=10,
    ).fit(data[:, :, None])  # fmt: skip
    nearest = model.transform(data[:, :, None]).min(axis=1)
    return adjusted_rand_score(truth, model.labels_), nearest.mean(), model.inertia_


seen = {}
for metric, gamma in (("softdtw", 1.0), ("softdtw", 0.1), ("dtw", None)):
    name = metric if gamma is None else f"{metric} {gamma:g}"
    single = np.array([cluster(metric, gamma, 1, seed) for seed in range(RUNS)])
    many = np.array([cluster(metric, gamma, RUNS, seed) for seed in range(TRIALS)])
    seen[name] = single[:, 0].mean(), many[:, 0].mean()
    print(
        f"{name:11s}: Rand index {single[:, 0].mean():.2f} of a single run (best "
        f"{single[:, 0].max():.2f}), {many[:, 0].mean():.2f} of the best of {RUNS}"
    )
    for run in (single[single[:, 1].argmin()], many[0]):
        print(f"    mean distance {run[1]:6.2f}, inertia {run[2]:7.2f}, Rand index {run[0]:.2f}")
soft = all(seen[f"softdtw {g}"][1] < seen[f"softdtw {g}"][0] - 0.15 for g in ("1", "0.1"))
sys.exit(not (soft and seen["dtw"][1] > 0.95))
PYTHON
