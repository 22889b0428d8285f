#!/usr/bin/env bash
# tslearn's piecewise mean leaves out the end of a series: 99 of 199 samples in 100 segments.
#
# Library: tslearn 0.10.0 (PyPI), time series; PiecewiseAggregateApproximation, and SAX upon it.
# Guess: the segments cover the whole series. Where its length is no multiple of their number, some
#   are a sample longer, or two share a sample.
# Behaviour: each segment has floor(length / segments) samples, and what is left at the end counts
#   nowhere. So two envelopes that differ only in their release are the same, by PAA and by SAX
#   alike, and inverse_transform fills the end with zeros. Nothing warns of it. Cut or resample a
#   series to a multiple of the segments first.
#
# Output seen (two envelopes of 199 samples, one holds and one is silent after 100 samples):
#   true distance 9.95
#     1 segment(s):   0 samples left out, distance 7.02
#    10 segment(s):   9 samples left out, distance 9.51
#    60 segment(s):  19 samples left out, distance 9.37
#   100 segment(s):  99 samples left out, distance 0.00
#   199 segment(s):   0 samples left out, distance 9.95
#   SAX in 100 segments: 0 letters differ
#
# Exits with 1 if tslearn behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tslearn==0.10.0 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")  # tslearn would like h5py
from tslearn.piecewise import PiecewiseAggregateApproximation, SymbolicAggregateApproximation

LENGTH = 199
pair = np.ones((2, LENGTH, 1))
pair[1, 100:] = 0.0
true = np.linalg.norm(pair[0] - pair[1])
print(f"true distance {true:.2f}")
lost, distances = {}, {}
for segments in (1, 10, 60, 100, LENGTH):
    paa = PiecewiseAggregateApproximation(n_segments=segments).fit(pair)
    distances[segments] = paa.distance(*pair)
    # The series that holds is 1 all through, so what comes back as 0 was left out.
    lost[segments] = int((paa.inverse_transform(paa.transform(pair))[0] == 0.0).sum())
    seen = f"{lost[segments]:3d} samples left out, distance {distances[segments]:.2f}"
    print(f"{segments:3d} segment(s): {seen}")
sax = SymbolicAggregateApproximation(n_segments=100, alphabet_size_avg=8)
words = sax.fit_transform(pair)
letters = int((words[0] != words[1]).sum())
print(f"SAX in 100 segments: {letters} letters differ")
left_out = lost == {1: 0, 10: 9, 60: 19, 100: 99, 199: 0}
right = abs(distances[LENGTH] - true) < 1e-9
sys.exit(not (left_out and right and distances[100] == 0.0 and letters == 0))
PYTHON
