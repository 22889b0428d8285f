"""Calibration on x ~ N(0, 1) twice and y = x_1 + x_2 + 0.5 e, whose posterior is a Gaussian."""

import numpy as np
import pytest
import torch

from unsynth.errors import MetricError
from unsynth.flow.guidance import guided_field
from unsynth.flow.solver import Solver, solve
from unsynth.metrics.calibration import coverage, rank_uniformity, ranks
from unsynth.models.param2tok import Param2Tok
from unsynth.models.vector_fields import DiffusionTransformer
from unsynth.training.objective import Noise, draw_times, flow_matching_loss

LEVELS = np.array([0.5, 0.8, 0.95])
NOISE = 0.5


def draw(rng: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches, ``(items, 2)``, and their observations y, ``(items,)``."""
    x = rng.standard_normal((items, 2))
    return x, x.sum(axis=1) + NOISE * rng.standard_normal(items)


def posterior_samples(
    rng: np.random.Generator, y: np.ndarray, draws: int, width: float = 1.0
) -> np.ndarray:
    """Samples of the exact posterior, ``(items, draws, 2)``, its deviation scaled by ``width``."""
    covariance = np.linalg.inv(np.eye(2) + np.ones((2, 2)) / NOISE**2)
    mean = y[:, None] * covariance.sum(axis=1) / NOISE**2
    spread = rng.standard_normal((len(y), draws, 2)) @ np.linalg.cholesky(covariance).T
    return mean[:, None] + width * spread


#: Functions of a patch that exchanging x_1 and x_2 does not change.
FUNCTIONS = {"sum": lambda x: x.sum(axis=-1), "product": lambda x: x.prod(axis=-1)}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


@every_function
def test_exact_posterior_is_calibrated(rng, function):
    x, y = draw(rng, 2000)
    truth, samples = function(x), function(posterior_samples(rng, y, 99))
    uniformity = rank_uniformity(ranks(truth, samples), 99)
    assert uniformity.p_value > 0.01
    assert uniformity.deviation < 0.035  # Kolmogorov and Smirnov: 99 % of uniform ranks
    share, low, high = coverage(truth, samples, LEVELS)
    assert (low < LEVELS).all() and (high > LEVELS).all()
    assert (low < share).all() and (share < high).all() and (high - low < 0.05).all()


@every_function
def test_overconfident_posterior_is_not_calibrated(rng, function):
    x, y = draw(rng, 1000)
    truth, samples = function(x), function(posterior_samples(rng, y, 99, width=0.5))
    uniformity = rank_uniformity(ranks(truth, samples), 99)
    assert uniformity.p_value < 1e-9
    assert uniformity.deviation > 0.06
    assert (coverage(truth, samples, LEVELS).high < LEVELS).all()


def test_underconfident_and_biased_posteriors_are_not_calibrated(rng):
    x, y = draw(rng, 1000)
    truth = x.sum(axis=1)
    wide = posterior_samples(rng, y, 99, width=2.0).sum(axis=-1)
    assert rank_uniformity(ranks(truth, wide), 99).p_value < 1e-9
    assert (coverage(truth, wide, LEVELS).low > LEVELS).all()
    biased = posterior_samples(rng, y, 99).sum(axis=-1) + 0.5
    uniformity = rank_uniformity(ranks(truth, biased), 99)
    assert uniformity.p_value < 1e-9 and uniformity.deviation > 0.2


def test_raw_parameters_fail_for_one_order_of_equal_parts(rng):
    """Sorting the coordinates of each sample changes no sound, but the ranks of a raw parameter."""
    x, y = draw(rng, 1000)
    samples = np.sort(posterior_samples(rng, y, 99), axis=-1)
    for function in FUNCTIONS.values():
        assert rank_uniformity(ranks(function(x), function(samples)), 99).p_value > 0.01
    assert rank_uniformity(ranks(x[:, 0], samples[..., 0]), 99).p_value < 1e-9


def test_coverage_is_exact_with_few_draws(rng):
    truth, samples = rng.normal(size=20_000), rng.normal(size=(20_000, 4))
    result = coverage(truth, samples, LEVELS)
    assert (result.low < LEVELS).all() and (result.high > LEVELS).all()


def test_ties_are_ranked_at_random(rng):
    truth, samples = rng.integers(0, 2, 3000) * 1.0, rng.integers(0, 2, (3000, 9)) * 1.0
    first = ranks(truth, samples, seed=1)
    assert rank_uniformity(first, 9).p_value > 0.01
    np.testing.assert_array_equal(first, ranks(truth, samples, seed=1))
    assert (first != ranks(truth, samples, seed=2)).any()
    all_equal = ranks(np.zeros(2000), np.zeros((2000, 4)))
    assert np.bincount(all_equal, minlength=5).min() > 300


def test_wider_bins_expect_more_ranks():
    # Every rank once is perfectly uniform, even though 10 bins do not divide 14 ranks.
    uniformity = rank_uniformity(np.arange(14), 13, bins=10)
    assert uniformity.p_value == pytest.approx(1) and uniformity.deviation == pytest.approx(
        0, abs=1e-12
    )
    assert rank_uniformity(np.zeros(10, dtype=int), 4, bins=5).deviation == pytest.approx(0.8)


def test_invalid_arrays_ranks_and_levels_are_refused():
    with pytest.raises(MetricError, match="NaN"):
        ranks(np.array([np.nan]), np.zeros((1, 3)))
    with pytest.raises(MetricError, match="empty"):
        ranks(np.zeros(2), np.zeros((2, 0)))
    with pytest.raises(MetricError, match="from 0 to 9"):
        rank_uniformity(np.array([10]), 9)
    with pytest.raises(MetricError, match="11 bins"):
        rank_uniformity(np.array([0]), 9, bins=11)
    with pytest.raises(MetricError, match="levels"):
        coverage(np.zeros(1), np.zeros((1, 3)), np.array([0.5, 1.0]))


def trained_field() -> tuple[DiffusionTransformer, torch.Tensor]:
    """A flow trained on the task, and its conditioning without an observation."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    field = DiffusionTransformer(
        values=2,
        conditioning=2,
        tokens=Param2Tok(2, 2, 24),
        width=24,
        heads=1,
        layers=2,
        feed_forward=48,
        modulation=24,
        time=16,
        data_variance=1.0,
    )
    none = torch.tensor([0.0, 1.0])
    optimizer = torch.optim.Adam(field.parameters(), lr=4e-3)
    steps, items = 300, 256
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x, y = draw(rng, items)
        noise = Noise(torch.randn(items, 2), *draw_times(rng, items, dropout=0.1))
        loss = flow_matching_loss(
            field,
            torch.from_numpy(x).float(),
            conditioning(y),
            none.expand(items, 2, 2),
            noise,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return field, none


def conditioning(y: np.ndarray) -> torch.Tensor:
    """Conditioning of both layers, ``(items, 2, 2)``: y, and 0 to mark that it is there."""
    vectors = torch.zeros(len(y), 2, 2)
    vectors[:, :, 0] = torch.from_numpy(y)[:, None]
    return vectors


def test_trained_flow_is_calibrated_and_guidance_makes_it_overconfident():
    field, none = trained_field()
    x, y = draw(np.random.default_rng(2), 300)
    draws = 39
    observations = conditioning(np.repeat(y, draws))
    x0 = torch.from_numpy(np.random.default_rng(3).standard_normal((len(observations), 2))).float()

    def samples(guidance: float) -> np.ndarray:
        with torch.no_grad():
            v = guided_field(field, observations, none.expand_as(observations), guidance)
            x1 = solve(v, x0, 10, Solver.MIDPOINT)
        return x1.numpy().astype(float).reshape(len(y), draws, 2)

    plain = samples(1.0)
    for function in FUNCTIONS.values():
        uniformity = rank_uniformity(ranks(function(x), function(plain)), draws)
        assert uniformity.p_value > 0.001
        assert uniformity.deviation < 0.095  # Kolmogorov and Smirnov: 99 % of 300 uniform ranks
    sums = x.sum(axis=1)
    np.testing.assert_allclose(coverage(sums, plain.sum(axis=-1), LEVELS).share, LEVELS, atol=0.08)

    sharp = samples(2.0).sum(axis=-1)
    uniformity = rank_uniformity(ranks(sums, sharp), draws)
    assert uniformity.p_value < 1e-9 and uniformity.deviation > 0.15
    assert (coverage(sums, sharp, LEVELS).high < LEVELS).all()
