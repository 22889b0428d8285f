#!/usr/bin/env bash
# PyTuning's prime limit is often the smallest odd prime: that of 15/8 and of 21/16 is 3.
#
# Library: PyTuning 0.7.3 (PyPI), musical scales; pytuning.number_theory.
# Guess: the prime limit of an interval is the largest prime number in its numerator and
#   denominator, so that of 16/15 is 5, and a scale with 5/4 and 15/8 has a limit of 5 at least.
# Behaviour: prime_limit looks only at odd numbers among numerator and denominator, and of the prime
#   factors of one of them it returns the first, which is the smallest. So 15/8, 16/15 and 21/16
#   count as Pythagorean. An even number is skipped, so 10/9 counts as 3 as well. An interval whose
#   odd number is a prime is right. find_prime_limit_for_scale is the maximum of these, so it is
#   wrong for some scales. odd_limit is right for the same intervals.
#
# Output seen:
#   3/2  : prime limit 3, largest prime 3; odd limit 3
#   5/4  : prime limit 5, largest prime 5; odd limit 5
#   16/15: prime limit 3, largest prime 5; odd limit 15
#   15/8 : prime limit 3, largest prime 5; odd limit 15
#   10/9 : prime limit 3, largest prime 5; odd limit 9
#   45/32: prime limit 3, largest prime 5; odd limit 45
#   7/4  : prime limit 7, largest prime 7; odd limit 7
#   21/16: prime limit 3, largest prime 7; odd limit 21
#   35/32: prime limit 5, largest prime 7; odd limit 35
#   scale 1, 16/15, 9/8, 4/3, 64/45, 15/8, 2: prime limit 3, largest prime 5
#
# Exits with 1 if PyTuning behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps PyTuning==0.7.3 sympy==1.14.0 mpmath==1.3.0 \
  numpy==2.2.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from pytuning.number_theory import find_prime_limit_for_scale, odd_limit, prime_limit
from sympy import Rational, factorint


def largest_prime(interval):
    """The largest prime factor of an interval's numerator and denominator."""
    return max(max(factorint(n), default=1) for n in (interval.p, interval.q))


def largest_odd(interval):
    """The larger of numerator and denominator without their factors of 2."""
    return max(n // (n & -n) for n in (interval.p, interval.q))


found = {}
for name in ("3/2", "5/4", "16/15", "15/8", "10/9", "45/32", "7/4", "21/16", "35/32"):
    interval = Rational(name)
    found[name] = prime_limit(interval), largest_prime(interval)
    assert odd_limit(interval) == largest_odd(interval)
    print(
        f"{name:5}: prime limit {found[name][0]}, largest prime {found[name][1]}; "
        f"odd limit {odd_limit(interval)}"
    )
scale = [Rational(name) for name in ("1", "16/15", "9/8", "4/3", "64/45", "15/8", "2")]
whole = find_prime_limit_for_scale(scale), max(largest_prime(degree) for degree in scale)
print(f"scale {', '.join(map(str, scale))}: prime limit {whole[0]}, largest prime {whole[1]}")
wrong = [name for name, (seen, expected) in found.items() if seen != expected]
sys.exit(not (wrong == ["16/15", "15/8", "10/9", "45/32", "21/16", "35/32"] and whole == (3, 5)))
PYTHON
