"""The four audio metrics on one scale: 0 is the engine against itself, 1 is a random patch.

    fraction = (m - floor) / (chance - floor)

for each metric m, with the noise floor and the median of random draws; the sign takes care of RMS,
which is larger where sounds agree. Where chance is hardly worse than the floor, a least distance
between them keeps a metric that says nothing from deciding.
"""

from collections.abc import Sequence

import numpy as np

from unsynth.metrics.audio import AudioMetrics

#: Least distance from the noise floor to chance: dB, a cepstral unit, a share of the band, cosine.
_LEAST = AudioMetrics(mss=1.0, wmfcc=1.0, sot=0.02, rms=0.05)


def median_metrics(metrics: Sequence[AudioMetrics]) -> AudioMetrics:
    """Median of each metric."""
    return AudioMetrics(*np.median(np.array(metrics), axis=0).tolist())


def fractions(metrics: AudioMetrics, floor: AudioMetrics, chance: AudioMetrics) -> AudioMetrics:
    """Place each metric between the noise floor (0) and chance (1); it may lie outside.

    >>> perfect, random = AudioMetrics(0.0, 0.0, 0.0, 1.0), AudioMetrics(10.0, 20.0, 0.2, 0.5)
    >>> fractions(AudioMetrics(5.0, 5.0, 0.0, 0.75), perfect, random)
    AudioMetrics(mss=0.5, wmfcc=0.25, sot=0.0, rms=0.5)
    """
    placed = []
    for m, low, high, least in zip(metrics, floor, chance, _LEAST, strict=True):
        span = high - low
        placed.append((m - low) / (np.copysign(max(abs(span), least), span)))
    return AudioMetrics(*(float(fraction) for fraction in placed))


def disagreement(metrics: AudioMetrics, floor: AudioMetrics, chance: AudioMetrics) -> float:
    """Mean of the four fractions."""
    return float(np.mean(fractions(metrics, floor, chance)))
