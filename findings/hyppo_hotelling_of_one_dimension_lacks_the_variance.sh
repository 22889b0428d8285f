#!/usr/bin/env bash
# hyppo's Hotelling test of one dimension leaves out the variance: its p-value depends on the unit.
#
# Library: hyppo 0.5.2 (PyPI), tests of independence and of two samples; ksample.Hotelling.
# Guess: in one dimension Hotelling's T-squared is the square of Student's t, so the p-value is the
#   t-test's, and the same in hertz as in kilohertz. The documentation calls the test a
#   generalization of Student's t-test, and its formula divides by the covariance.
# Behaviour: with one dimension the source (hyppo/ksample/hotelling.py) puts 1 / p, that is 1, in
#   place of the inverse of the variance. So the p-value is near the t-test's only if the variance
#   is near 1. In a unit that makes the numbers large, the samples seem to differ beyond doubt. In
#   a unit that makes them small, they seem alike. With two dimensions the unit does not matter.
#
# Output seen (two samples of 50 from normal distributions half a standard deviation apart):
#   standard deviation   0.01: Hotelling 0.98, t-test 0.052, Hotelling of two dimensions 0.046
#   standard deviation   0.10: Hotelling 0.85, t-test 0.052, Hotelling of two dimensions 0.046
#   standard deviation   1.00: Hotelling 0.057, t-test 0.052, Hotelling of two dimensions 0.046
#   standard deviation  10.00: Hotelling 4.5e-35, t-test 0.052, Hotelling of two dimensions 0.046
#   standard deviation 100.00: Hotelling 3.4e-128, t-test 0.052, Hotelling of two dimensions 0.046
#
# Exits with 1 if hyppo behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hyppo==0.5.2 numpy==2.2.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from hyppo.ksample import Hotelling
from scipy.stats import ttest_ind

rng = np.random.default_rng(0)
first, second = rng.normal(0.0, 1.0, (50, 2)), rng.normal(0.5, 1.0, (50, 2))
found = {}
for unit in (0.01, 0.1, 1.0, 10.0, 100.0):
    one = Hotelling().test(unit * first[:, :1], unit * second[:, :1]).pvalue
    two = Hotelling().test(unit * first, unit * second).pvalue
    student = ttest_ind(unit * first[:, 0], unit * second[:, 0]).pvalue
    found[unit] = float(np.squeeze(one)), float(np.squeeze(two)), float(student)
    print(
        f"standard deviation {unit:6.2f}: Hotelling {found[unit][0]:.2g}, t-test {student:.2g}, "
        f"Hotelling of two dimensions {found[unit][1]:.2g}"
    )
students = [student for _, _, student in found.values()]
twos = [two for _, two, _ in found.values()]
steady = np.ptp(students) < 1e-9 and np.ptp(twos) < 1e-9
near = abs(found[1.0][0] - found[1.0][2]) < 0.02
sys.exit(not (steady and near and found[0.01][0] > 0.9 and found[100.0][0] < 1e-50))
PYTHON
