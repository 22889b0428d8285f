"""The four audio metrics on one scale: 0 is the noise floor, 1 is chance.

    fraction = (m - floor) / (chance - floor)

for each metric m. The floor is the engine against itself, and chance is the median of random draws.
RMS is larger where sounds agree, but so is its floor, so the signs cancel. Where chance is hardly
worse than the floor, a metric tells little; a minimum of their difference keeps it from dominating.
"""

from collections.abc import Sequence

import numpy as np

from unsynth.metrics.audio import METRICS, AudioMetrics


def median_metrics(metrics: Sequence[AudioMetrics]) -> AudioMetrics:
    """Return the median of each metric."""
    return AudioMetrics(*np.median(np.array(metrics), axis=0).tolist())


def fractions(metrics: AudioMetrics, floor: AudioMetrics, chance: AudioMetrics) -> AudioMetrics:
    """Scale each metric so that the noise floor is 0 and chance 1; values may lie outside.

    >>> perfect, random = AudioMetrics(0.0, 0.0, 0.0, 1.0), AudioMetrics(10.0, 20.0, 0.2, 0.5)
    >>> fractions(AudioMetrics(5.0, 5.0, 0.0, 0.75), perfect, random)
    AudioMetrics(mss=0.5, wmfcc=0.25, sot=0.0, rms=0.5)
    """
    scaled = []
    for m, low, high, metric in zip(metrics, floor, chance, METRICS, strict=True):
        span = high - low
        scaled.append((m - low) / (np.copysign(max(abs(span), metric.least_span), span)))
    return AudioMetrics(*(float(fraction) for fraction in scaled))


def disagreement(metrics: AudioMetrics, floor: AudioMetrics, chance: AudioMetrics) -> float:
    """Return the mean of the four fractions."""
    return float(np.mean(fractions(metrics, floor, chance)))
