#!/usr/bin/env bash
# yodel's all-pass comb ignores its delay: it always delays by one sample.
#
# Library: yodel 0.3.0 (PyPI), seen 2026-12-01; filter.Comb, whose default type is the all-pass.
# Guess: Comb(samplerate, delay, gain) is the all-pass of Schroeder's reverbs, as its feedback and
#   feedforward types are combs of this delay: y[n] = g x[n] + x[n - M] - g y[n - M]. Its impulse
#   response has g at 0, 1 - g^2 at the delay, then -g (1 - g^2) at twice the delay.
# Behaviour: the source uses the last sample of input and output, and does not read its delay line.
#   So a delay of 10 ms and one of 100 ms give the same sound: the whole response comes within 1 ms,
#   without an echo at the delay. The two other types use the delay.
#
# Output seen (gain 0.7, 44.1 kHz; the first three samples of the response that are not 0):
#   delay  10.0 ms: seen       0.70 at   0.00 ms,  0.51 at   0.02 ms, -0.36 at   0.05 ms
#                   should be  0.70 at   0.00 ms,  0.51 at  10.00 ms, -0.36 at  20.00 ms
#                   other types: first echo at 10.0 and 10.0 ms
#   delay 100.0 ms: seen       0.70 at   0.00 ms,  0.51 at   0.02 ms, -0.36 at   0.05 ms
#                   should be  0.70 at   0.00 ms,  0.51 at 100.00 ms, -0.36 at 200.00 ms
#                   other types: first echo at 100.0 and 100.0 ms
#
# Exits with 1 if yodel behaves differently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet yodel==0.3.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

from yodel.filter import Comb

RATE, GAIN = 44100, 0.7


def response(kind, milliseconds):
    """The samples of the impulse response that are not 0, as (time in ms, value)."""
    comb = Comb(RATE, milliseconds, GAIN)
    getattr(comb, kind)(milliseconds, GAIN)
    sound = [1.0] + [0.0] * (RATE // 2)
    comb.process(sound, out := [0.0] * len(sound))
    return [(1000.0 * n / RATE, v) for n, v in enumerate(out) if v != 0.0]


def show(taps):
    return ", ".join(f"{v:5.2f} at {t:6.2f} ms" for t, v in taps[:3])


right = True
for delay in (10.0, 100.0):
    seen = response("allpass", delay)
    true = [(0.0, GAIN), (delay, 1.0 - GAIN**2), (2.0 * delay, -GAIN * (1.0 - GAIN**2))]
    print(f"delay {delay:5.1f} ms: seen      {show(seen)}")
    print(f"                should be {show(true)}")
    late = sum(v**2 for t, v in seen if t > 1.0)
    other = response("feedback", delay)[1][0], response("feedforward", delay)[1][0]
    print(f"                other types: first echo at {other[0]:.1f} and {other[1]:.1f} ms")
    right = right and max(abs(o - delay) for o in other) < 1e-6 and late < 1e-12
    right = right and max(abs(v - w) for (_, v), (_, w) in zip(seen, true)) < 1e-9
    right = right and abs(seen[1][0] - 1000.0 / RATE) < 1e-9
sys.exit(not right)
PYTHON
