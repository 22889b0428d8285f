#!/usr/bin/env bash
# DTAIDistance's subsequence search lists the series that it skips first, with a distance of 0.
#
# Library: dtaidistance 2.5.1 (PyPI), seen 2026-12-01; subsequence.dtw.subsequence_search.
# Guess: max_dist means "Ignore DTW distances larger than this value". If k is None, "all
#   comparisons are kept and returned", the best first. So a series that is too far away is absent
#   or last.
# Behaviour: use_lb is True if it is not given. Then the source skips a series whose lower bound is
#   above max_dist, and leaves its distance at 0. So the series that are too far away come first,
#   as perfect matches. Workaround: a number for k, or use_lb=False.
#
# Output seen (index and distance of the matches; series 1, 3 and 5 are shifted by 3 to 5):
#   k=None              : 1: 0.00, 3: 0.00, 5: 0.00, 4: 0.34, 0: 0.53, 2: 0.74
#   k=None, use_lb=False: 4: 0.34, 0: 0.53, 2: 0.74, 1: inf, 3: inf, 5: inf
#   k=3                 : 4: 0.34, 0: 0.53, 2: 0.74
#
# Exits with 1 if dtaidistance behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dtaidistance==2.5.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from dtaidistance.subsequence.dtw import subsequence_search

query = np.sin(np.arange(50) / 5.0)
series = [query + shift for shift in (0.1, 3.0, 0.2, 5.0, 0.05, 4.0)]


def matches(name, k, **options):
    found = subsequence_search(query, series, max_dist=2.0, **options).kbest_matches(k=k)
    found = [(int(m.idx), float(m.distance)) for m in found]
    print(f"{name}:", ", ".join(f"{i}: {d:.2f}" for i, d in found))
    return found


every = matches("k=None              ", None)
plain = matches("k=None, use_lb=False", None, use_lb=False)
three = matches("k=3                 ", 3)
right = sorted(every[:3]) == [(1, 0.0), (3, 0.0), (5, 0.0)] and every[3:] == plain[:3] == three
right = right and [i for i, _ in three] == [4, 0, 2]
sys.exit(not (right and all(np.isinf(d) for _, d in plain[3:])))
PYTHON
