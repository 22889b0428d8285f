#!/usr/bin/env bash
# Uncertainty Toolbox's recalibrated 90 % intervals hold 68 % if the model was too sure.
#
# Library: uncertainty-toolbox 0.1.1 (PyPI), calibration of predictions.
# Guess: get_interval_recalibrator, fitted to 10,000 predictions whose standard deviations are a
#   third of the true ones, gives intervals of 90 % that hold 90 % of new data of the same kind. The
#   relation is monotonic and smooth, and there is data enough.
# Behaviour: the map from the stated to the seen share is fitted at 100 points of the stated one,
#   and is a straight line between the last two, 0.99 and 1. All data outside the stated 99 %
#   interval, here 40 % of it, falls in between, where the true map is steep. So the more a model
#   needs recalibration, the less it gets: its intervals are too narrow, and its upper quantiles too
#   low. The function has no argument for more points, and nothing warns of it.
#   get_std_recalibrator is right.
#
# Output seen (share of new data within recalibrated intervals):
#   stated spread 1.00 times the true one: 50, 80, 90, 95, 99 %
#     before                 49.9 %   79.2 %   89.5 %   94.7 %   98.9 %
#     intervals              49.6 %   78.8 %   89.2 %   94.7 %   99.0 %
#     quantiles              49.8 %   80.0 %   89.3 %   94.6 %   98.9 %
#     standard deviations    49.8 %   79.0 %   89.3 %   94.5 %   98.8 %
#   stated spread 0.70 times the true one: 50, 80, 90, 95, 99 %
#     before                 36.2 %   62.3 %   74.2 %   82.3 %   92.5 %
#     intervals              49.5 %   78.7 %   89.1 %   93.6 %   97.2 %
#     quantiles              49.8 %   80.0 %   89.2 %   94.5 %   97.6 %
#     standard deviations    49.8 %   79.0 %   89.3 %   94.5 %   98.8 %
#   stated spread 0.50 times the true one: 50, 80, 90, 95, 99 %
#     before                 26.5 %   48.0 %   58.3 %   66.5 %   79.3 %
#     intervals              49.6 %   78.8 %   83.0 %   86.2 %   91.4 %
#     quantiles              49.9 %   80.0 %   88.1 %   90.3 %   94.0 %
#     standard deviations    49.8 %   79.0 %   89.3 %   94.5 %   98.8 %
#   stated spread 0.33 times the true one: 50, 80, 90, 95, 99 %
#     before                 17.6 %   32.7 %   41.4 %   48.7 %   60.2 %
#     intervals              49.5 %   64.1 %   67.6 %   70.6 %   76.7 %
#     quantiles              49.9 %   78.4 %   80.6 %   82.6 %   86.2 %
#     standard deviations    49.8 %   79.0 %   89.3 %   94.5 %   98.8 %
#
# Exits with 1 if Uncertainty Toolbox behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uncertainty-toolbox==0.1.1 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
from scipy.stats import norm
from uncertainty_toolbox.recalibration import (
    get_interval_recalibrator,
    get_quantile_recalibrator,
    get_std_recalibrator,
)

SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)
COUNT = 10_000
random = np.random.default_rng(0)
true_spreads = np.exp(0.3 * random.normal(size=COUNT))
means = random.normal(size=COUNT)
old, new = means + true_spreads * random.normal(size=(2, COUNT))


def show(name, found):
    print(f"  {name:20s}" + "".join(f"{100.0 * each:7.1f} %" for each in found))
    return found


seen = {}
for factor in (1.0, 0.7, 0.5, 1.0 / 3.0):
    spreads = factor * true_spreads
    fitted = means, spreads, old
    print(f"stated spread {factor:.2f} times the true one: 50, 80, 90, 95, 99 %")
    widths = [spreads * norm.ppf(0.5 + share / 2.0) for share in SHARES]
    show("before", [np.mean(np.abs(new - means) < width) for width in widths])
    recalibrate = get_interval_recalibrator(*fitted)
    bounds = [recalibrate(means, spreads, share) for share in SHARES]
    inside = [np.mean((new > each.lower) & (new < each.upper)) for each in bounds]
    seen[factor, "intervals"] = show("intervals", inside)
    recalibrate = get_quantile_recalibrator(*fitted)
    below = [np.mean(new < recalibrate(means, spreads, share)) for share in SHARES]
    seen[factor, "quantiles"] = show("quantiles", below)
    ratio = get_std_recalibrator(*fitted)(1.0)
    scaled = [np.mean(np.abs(new - means) < ratio * width) for width in widths]
    seen[factor, "standard deviations"] = show("standard deviations", scaled)
narrow, half = seen[1.0 / 3.0, "intervals"], seen[0.5, "intervals"]
wrong = narrow[2] < 0.72 and narrow[3] < 0.75 and half[2] < 0.86 and half[3] < 0.89
low = seen[1.0 / 3.0, "quantiles"][2] < 0.84
right = all(
    abs(share - each) < 0.02
    for name in ((1.0, "intervals"), (1.0 / 3.0, "standard deviations"))
    for share, each in zip(SHARES, seen[name], strict=True)
)
sys.exit(not (wrong and low and right))
PYTHON
