"""Calibration of a posterior: simulation-based calibration and expected coverage.

Draw a patch x from the prior, render its sound y, and draw samples from q(x | y). If q is the
posterior, x is just another sample: for any function h of patch and sound, the rank of h(x, y)
among the values of the samples is uniform (S. Talts, M. Betancourt, D. Simpson, A. Vehtari,
A. Gelman, "Validating Bayesian inference algorithms with simulation-based calibration",
arXiv:1804.06788, 2018).

``truth`` holds h of the drawn patches, ``(items,)``, and ``samples`` h of their samples,
``(items, draws)``. h must be invariant under the symmetries of the synthesizer: the log-density of
the prior, the sounding pitch, or the distance of the rendered sound from y. A raw parameter is not.
A sound does not tell which of two equal oscillators comes first. A model that always puts the lower
one first is as good as one that does not, yet fails the test; a model that exchanges them at random
gives both the same mixture of samples, which hides how much it knows about each. Each function
raises :class:`MetricError` for arrays that are empty or not finite.

Guidance with w > 1 sharpens the posterior and is overconfident by construction: calibrate at
w = 1, and show w = 2 beside it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binomtest, chisquare

from unsynth.errors import MetricError

_Truth = Float[np.ndarray, " items"]
_Samples = Float[np.ndarray, "items draws"]


def ranks(truth: _Truth, samples: _Samples, seed: int = 0) -> Int[np.ndarray, " items"]:
    """Count the samples below each truth, 0 to draws; ties are ordered at random.

    >>> ranks(np.array([0.5, 9.0]), np.array([[0.1, 0.2, 0.7], [1.0, 2.0, 3.0]]))
    array([2, 3])
    """
    if samples.size == 0 or not (np.isfinite(truth).all() and np.isfinite(samples).all()):
        raise MetricError(
            f"truth {truth.shape} and samples {samples.shape} are empty or hold NaN or infinity"
        )
    below = (samples < truth[:, None]).sum(axis=1)
    equal = (samples == truth[:, None]).sum(axis=1)
    return below + np.random.default_rng(seed).integers(0, equal, endpoint=True)


class Uniformity(NamedTuple):
    """The deviation of ranks from uniformity."""

    p_value: float
    """The p-value of the chi-square test; small where ranks are not uniform."""
    deviation: float
    """Largest difference of the cumulative distribution of ranks from the uniform one, 0 to 1."""


def rank_uniformity(ranks: Int[np.ndarray, " items"], draws: int, bins: int = 10) -> Uniformity:
    """Test that ranks are uniform on 0 to ``draws``.

    The chi-square test needs about 5 items per bin or more. Raises :class:`MetricError` for no
    items, ranks out of range, or ``bins`` not from 2 to draws + 1.
    """
    if ranks.size == 0 or ranks.min() < 0 or ranks.max() > draws:
        raise MetricError(f"{ranks.size} ranks are not all from 0 to {draws}; give one per item")
    if not 2 <= bins <= draws + 1:
        raise MetricError(f"{bins} bins do not suit {draws} draws; give 2 to {draws + 1}")
    counts = np.bincount(ranks, minlength=draws + 1)
    in_bins = np.array([[part.sum(), part.size] for part in np.array_split(counts, bins)])
    expected = in_bins[:, 1] * len(ranks) / (draws + 1)
    uniform = np.arange(1, draws + 2) / (draws + 1)
    deviation = np.abs(np.cumsum(counts) / len(ranks) - uniform).max()
    return Uniformity(float(chisquare(in_bins[:, 0], expected).pvalue), float(deviation))


class Coverage(NamedTuple):
    """Shares of items whose truth lies in their central credible interval, one per level."""

    share: Float[np.ndarray, " levels"]
    """Equal to the level for a correct posterior; below it for an overconfident one."""
    low: Float[np.ndarray, " levels"]
    """Lower end of the share's 95 % confidence interval (Clopper and Pearson)."""
    high: Float[np.ndarray, " levels"]
    """Upper end of that interval."""


def coverage(
    truth: _Truth, samples: _Samples, levels: Float[np.ndarray, " levels"], seed: int = 0
) -> Coverage:
    """Estimate the coverage of the central credible intervals of these levels, in (0, 1).

    An interval of level a holds the middle share a of the possible ranks of the truth. A rank that
    an end of the interval splits counts as inside with a probability equal to its share inside, so
    coverage is exact for any number of draws. Raises :class:`MetricError` for levels out of range.
    """
    if not ((levels > 0) & (levels < 1)).all():
        raise MetricError(f"levels {levels} are not all between 0 and 1")
    within = np.random.default_rng([seed, 1]).random(len(truth))
    position = (ranks(truth, samples, seed) + within) / (samples.shape[1] + 1)
    covered = (np.abs(position[:, None] - 0.5) <= levels / 2).sum(axis=0)
    intervals = [binomtest(int(count), len(truth)).proportion_ci() for count in covered]
    return Coverage(
        covered / len(truth),
        np.array([interval.low for interval in intervals]),
        np.array([interval.high for interval in intervals]),
    )
