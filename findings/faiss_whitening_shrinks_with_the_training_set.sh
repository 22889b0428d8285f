#!/usr/bin/env bash
# faiss's PCA whitening makes vectors smaller the more there are: 100 times too small for 10,000.
#
# Library: faiss-cpu 1.15.1 (PyPI), nearest neighbours; PCAMatrix and the index factory's "PCAW".
# Guess: whitening (eigen_power=-0.5, "full whitening") gives each component a standard deviation
#   of 1, and a squared distance of two vectors a mean of twice the number of components.
# Behaviour: the eigenvalues are those of the sum of products, not of the covariance: they grow with
#   the number of training vectors n. So the standard deviation is 1 / sqrt(n), up to the 1,000
#   vectors per dimension that are used at most. The order of neighbours stays right, but a radius
#   of range_search, or a sum with other distances, holds for one n alone: an index that is trained
#   again on more sounds finds them all within the same radius. The eigenvalues are no variances
#   either. Multiplied by sqrt(n), the whitened vectors are right.
#
# Output seen (16 numbers whitened to 8, and one radius for all):
#      100 vectors: standard deviation 0.1000, largest eigenvalue 2850, 1.1% within a radius
#     1000 vectors: standard deviation 0.0316, largest eigenvalue 25286, 95.1% within a radius
#    10000 vectors: standard deviation 0.0100, largest eigenvalue 252307, 100.0% within a radius
#   100000 vectors: standard deviation 0.0079, largest eigenvalue 399706, 100.0% within a radius
#
# Exits with 1 if faiss behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet faiss-cpu==1.15.1 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
random = np.random.default_rng(0)
scales = np.linspace(5.0, 1.0, 16)


def draw(count):
    return (random.normal(size=(count, 16)) * scales).astype(np.float32)


queries = draw(100)
seen = {}
radius = None
for count in (100, 1000, 10_000, 100_000):
    vectors = draw(count)
    whitening = faiss.PCAMatrix(16, 8, -0.5)
    whitening.train(vectors)
    spread = float(whitening.apply(vectors).std())
    largest = float(faiss.vector_to_array(whitening.eigenvalues)[0])
    index = faiss.index_factory(16, "PCAW8,Flat")
    index.train(vectors)
    index.add(vectors)
    if radius is None:  # a radius within which the first index finds one vector a query
        radius = float(np.median(index.search(queries, 1)[0]))
    within = float(np.diff(index.range_search(queries, radius)[0].astype(float)).mean()) / count
    seen[count] = spread, largest, within
    print(
        f"{count:6d} vectors: standard deviation {spread:.4f}, largest eigenvalue {largest:.0f}, "
        f"{within:.1%} within a radius"
    )
right = all(abs(seen[count][0] * count**0.5 - 1.0) < 0.02 for count in (100, 1000, 10_000))
sys.exit(not (right and seen[100][2] < 0.05 and seen[10_000][2] > 0.95))
PYTHON
