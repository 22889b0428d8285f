"""Distances between patches, against brute force and their properties."""

import itertools

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.data.seeding import Split, item_rng
from unsynth.errors import MetricError
from unsynth.metrics.parameters import (
    assignment_cost,
    chamfer,
    mse,
    mse_up_to_symmetry,
    unsquared_assignment_cost,
)

units = st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
    lambda size: arrays.arrays(np.float64, (2, 3, *size), elements=st.floats(-1, 1))
)


def least_cost_of_all_orders(target, estimate, cost):
    return min(
        cost(target, estimate[list(order)]) for order in itertools.permutations(range(len(target)))
    )


@settings(max_examples=50, deadline=None)
@given(units)
def test_assignment_cost_is_the_least_of_all_orders(patches):
    target, estimate = patches
    squared = [
        least_cost_of_all_orders(t, e, lambda a, b: np.square(a - b).mean())
        for t, e in zip(target, estimate, strict=True)
    ]
    np.testing.assert_allclose(assignment_cost(target, estimate), squared, atol=1e-12)
    unsquared = [
        least_cost_of_all_orders(t, e, lambda a, b: np.linalg.norm(a - b, axis=1).mean())
        for t, e in zip(target, estimate, strict=True)
    ]
    np.testing.assert_allclose(unsquared_assignment_cost(target, estimate), unsquared, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(units, st.randoms(use_true_random=False))
def test_distances_are_symmetric_and_ignore_the_order_of_units(patches, random):
    target, estimate = patches
    order = list(range(target.shape[1]))
    random.shuffle(order)
    for distance in (assignment_cost, unsquared_assignment_cost, chamfer):
        assert (distance(target, target[:, order]) == 0).all()
        costs = distance(target, estimate)
        np.testing.assert_allclose(costs, distance(estimate, target), atol=1e-12)
        np.testing.assert_allclose(costs, distance(target, estimate[:, order]), atol=1e-12)
    flat = target.reshape(3, -1), estimate.reshape(3, -1)
    assert (mse(flat[0], flat[0]) == 0).all()
    np.testing.assert_array_equal(mse(*flat), mse(*flat[::-1]))
    assert (assignment_cost(target, estimate) <= mse(*flat) + 1e-12).all()


def test_chamfer_allows_units_to_share_a_neighbour():
    target = np.array([[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
    twice_the_first = np.zeros((1, 2, 3))
    # The unit nearest to (1, 1, 1) has a squared distance of 3, averaged with 0; backward it is 0.
    assert chamfer(target, twice_the_first) == pytest.approx(1.5)
    assert chamfer(target, np.array([[[0.0] * 3, [1.0] * 3, [1.0] * 3]])) == 0
    assert assignment_cost(target, twice_the_first) == pytest.approx(0.5)


@pytest.mark.parametrize("distance", [assignment_cost, unsquared_assignment_cost, chamfer])
def test_coordinates_that_are_not_finite_are_refused(distance):
    good, bad = np.zeros((4, 2, 3)), np.zeros((4, 2, 3))
    bad[2, 1, 0] = np.nan
    with pytest.raises(MetricError, match="item 2"):
        distance(good, bad)


def test_exchanged_operators_and_inaudible_parameters_do_not_count(task):
    onset = task.spec.position["note.onset"]
    exchanged = 0
    for i in range(12):
        patch, other = (task.sample(item_rng(task.name, Split.TEST, i, k)) for k in range(2))
        changed = np.where(task.active(patch), patch, other)
        vector = task.spec.encode(changed[None])
        for image in task.symmetries(patch)[-3:]:
            estimate = task.spec.decode(vector[:, image])
            assert mse_up_to_symmetry(task, patch[None], estimate) == 0
            exchanged += mse(vector, task.spec.encode(estimate))[0] > 0.01
            estimate[0, onset] = (estimate[0, onset] + 0.5) % 1.0
            assert mse_up_to_symmetry(task, patch[None], estimate) > 0.001
    assert exchanged > 5


def test_mse_up_to_symmetry_is_the_least_over_all_exchanges(task):
    rng = np.random.default_rng(0)
    targets, estimates = (np.stack([task.sample(rng) for _ in range(20)]) for _ in range(2))
    costs = mse_up_to_symmetry(task, targets, estimates)
    assert (costs > 0.01).all() and (costs < 4).all()
    for i, target in enumerate(targets):
        audible = np.repeat(task.active(target), [p.width for p in task.spec.parameters])
        x, y = task.spec.encode(target[None])[0], task.spec.encode(estimates[[i]])[0]
        assert costs[i] <= np.square(x - y)[audible].mean() + 1e-12
        images = [np.square(x[r] - y)[audible[r]].mean() for r in task.symmetries(target)]
        assert costs[i] == pytest.approx(min(images))
