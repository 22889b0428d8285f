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


def drawn(rng: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches, ``(items, 2)``, and what is observed of them, ``(items,)``."""
    x = rng.standard_normal((items, 2))
    return x, x.sum(axis=1) + NOISE * rng.standard_normal(items)


def exact(rng: np.random.Generator, y: np.ndarray, draws: int, width: float = 1.0) -> np.ndarray:
    """Samples of the posterior, ``(items, draws, 2)``, its deviation scaled by ``width``."""
    covariance = np.linalg.inv(np.eye(2) + np.ones((2, 2)) / NOISE**2)
    mean = y[:, None] * covariance.sum(axis=1) / NOISE**2
    spread = rng.standard_normal((len(y), draws, 2)) @ np.linalg.cholesky(covariance).T
    return mean[:, None] + width * spread


#: Functions of a patch that exchanging x_1 and x_2 does not change.
FUNCTIONS = {"sum": lambda x: x.sum(axis=-1), "product": lambda x: x.prod(axis=-1)}
every_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


@every_function
def test_the_exact_posterior_is_calibrated(rng, function):
    x, y = drawn(rng, 2000)
    truth, samples = function(x), function(exact(rng, y, 99))
    found = rank_uniformity(ranks(truth, samples), 99)
    assert found.p_value > 0.01
    assert found.deviation < 0.035  # Kolmogorov and Smirnov: 99 % of uniform ranks
    share, low, high = coverage(truth, samples, LEVELS)
    assert (low < LEVELS).all() and (high > LEVELS).all()
    assert (low < share).all() and (share < high).all() and (high - low < 0.05).all()


@every_function
def test_an_overconfident_posterior_is_not(rng, function):
    x, y = drawn(rng, 1000)
    truth, samples = function(x), function(exact(rng, y, 99, width=0.5))
    found = rank_uniformity(ranks(truth, samples), 99)
    assert found.p_value < 1e-9
    assert found.deviation > 0.06
    assert (coverage(truth, samples, LEVELS).high < LEVELS).all()


def test_nor_are_a_timid_and_a_biased_one(rng):
    x, y = drawn(rng, 1000)
    truth = x.sum(axis=1)
    timid = exact(rng, y, 99, width=2.0).sum(axis=-1)
    assert rank_uniformity(ranks(truth, timid), 99).p_value < 1e-9
    assert (coverage(truth, timid, LEVELS).low > LEVELS).all()
    biased = exact(rng, y, 99).sum(axis=-1) + 0.5
    found = rank_uniformity(ranks(truth, biased), 99)
    assert found.p_value < 1e-9 and found.deviation > 0.2


def test_one_order_of_equal_parts_fails_though_every_sound_is_right(rng):
    """Why raw parameters will not do: sorting the samples leaves each of them as good."""
    x, y = drawn(rng, 1000)
    samples = np.sort(exact(rng, y, 99), axis=-1)
    for function in FUNCTIONS.values():
        assert rank_uniformity(ranks(function(x), function(samples)), 99).p_value > 0.01
    assert rank_uniformity(ranks(x[:, 0], samples[..., 0]), 99).p_value < 1e-9


def test_few_draws_cover_exactly(rng):
    truth, samples = rng.normal(size=20_000), rng.normal(size=(20_000, 4))
    found = coverage(truth, samples, LEVELS)
    assert (found.low < LEVELS).all() and (found.high > LEVELS).all()


def test_equal_values_are_ranked_at_random(rng):
    truth, samples = rng.integers(0, 2, 3000) * 1.0, rng.integers(0, 2, (3000, 9)) * 1.0
    found = ranks(truth, samples, seed=1)
    assert rank_uniformity(found, 9).p_value > 0.01
    np.testing.assert_array_equal(found, ranks(truth, samples, seed=1))
    assert (found != ranks(truth, samples, seed=2)).any()
    all_equal = ranks(np.zeros(2000), np.zeros((2000, 4)))
    assert np.bincount(all_equal, minlength=5).min() > 300


def test_bins_of_unequal_width_are_expected_their_share():
    # Every rank once is as uniform as can be, also where 10 bins do not divide 14 ranks.
    found = rank_uniformity(np.arange(14), 13, bins=10)
    assert found.p_value == pytest.approx(1) and found.deviation == pytest.approx(0, abs=1e-12)
    assert rank_uniformity(np.zeros(10, dtype=int), 4, bins=5).deviation == pytest.approx(0.8)


def test_what_cannot_be_ranked_is_refused():
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
    """A flow trained on the task, and what it was told where it was told nothing."""
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
    steps, items = 500, 256
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        x, y = drawn(rng, items)
        noise = Noise(torch.randn(items, 2), *draw_times(rng, items, dropout=0.1))
        loss = flow_matching_loss(
            field,
            torch.from_numpy(x).float(),
            told(y),
            none.expand(items, 2, 2),
            noise,
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return field, none


def told(y: np.ndarray) -> torch.Tensor:
    """Conditioning of both layers, ``(items, 2, 2)``: y, and 0 for being told it."""
    conditioning = torch.zeros(len(y), 2, 2)
    conditioning[:, :, 0] = torch.from_numpy(y)[:, None]
    return conditioning


def test_a_trained_flow_is_calibrated_and_guidance_makes_it_overconfident():
    field, none = trained_field()
    x, y = drawn(np.random.default_rng(2), 300)
    draws = 39
    given = told(np.repeat(y, draws))
    x0 = torch.from_numpy(np.random.default_rng(3).standard_normal((len(given), 2))).float()

    def samples(guidance: float) -> np.ndarray:
        with torch.no_grad():
            v = guided_field(field, given, none.expand_as(given), guidance)
            found = solve(v, x0, 10, Solver.MIDPOINT)
        return found.numpy().astype(float).reshape(len(y), draws, 2)

    plain = samples(1.0)
    for function in FUNCTIONS.values():
        found = rank_uniformity(ranks(function(x), function(plain)), draws)
        assert found.p_value > 0.001
        assert found.deviation < 0.095  # Kolmogorov and Smirnov: 99 % of 300 uniform ranks
    sums = x.sum(axis=1)
    np.testing.assert_allclose(coverage(sums, plain.sum(axis=-1), LEVELS).share, LEVELS, atol=0.08)

    sharp = samples(2.0).sum(axis=-1)
    found = rank_uniformity(ranks(sums, sharp), draws)
    assert found.p_value < 1e-9 and found.deviation > 0.15
    assert (coverage(sums, sharp, LEVELS).high < LEVELS).all()
