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


def by_trying_all_orders(target, estimate, cost):
    return min(
        cost(target, estimate[list(order)]) for order in itertools.permutations(range(len(target)))
    )


@settings(max_examples=50, deadline=None)
@given(units)
def test_assignment_is_the_best_of_all_orders(patches):
    target, estimate = patches
    squared = [
        by_trying_all_orders(t, e, lambda a, b: np.square(a - b).mean())
        for t, e in zip(target, estimate, strict=True)
    ]
    np.testing.assert_allclose(assignment_cost(target, estimate), squared, atol=1e-12)
    unsquared = [
        by_trying_all_orders(t, e, lambda a, b: np.linalg.norm(a - b, axis=1).mean())
        for t, e in zip(target, estimate, strict=True)
    ]
    np.testing.assert_allclose(unsquared_assignment_cost(target, estimate), unsquared, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(units, st.randoms(use_true_random=False))
def test_identity_symmetry_and_order(patches, random):
    target, estimate = patches
    order = list(range(target.shape[1]))
    random.shuffle(order)
    for distance in (assignment_cost, unsquared_assignment_cost, chamfer):
        assert (distance(target, target[:, order]) == 0).all()
        found = distance(target, estimate)
        np.testing.assert_allclose(found, distance(estimate, target), atol=1e-12)
        np.testing.assert_allclose(found, distance(target, estimate[:, order]), atol=1e-12)
    flat = target.reshape(3, -1), estimate.reshape(3, -1)
    assert (mse(flat[0], flat[0]) == 0).all()
    np.testing.assert_array_equal(mse(*flat), mse(*flat[::-1]))
    assert (assignment_cost(target, estimate) <= mse(*flat) + 1e-12).all()


def test_chamfer_lets_units_share():
    target = np.array([[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]])
    twice_the_first = np.zeros((1, 2, 3))
    # Nearest to (1, 1, 1) is 3 away, squared; half of that, and nothing the other way.
    assert chamfer(target, twice_the_first) == pytest.approx(1.5)
    assert chamfer(target, np.array([[[0.0] * 3, [1.0] * 3, [1.0] * 3]])) == 0
    assert assignment_cost(target, twice_the_first) == pytest.approx(0.5)


@pytest.mark.parametrize("distance", [assignment_cost, unsquared_assignment_cost, chamfer])
def test_what_is_not_finite_is_refused(distance):
    good, bad = np.zeros((4, 2, 3)), np.zeros((4, 2, 3))
    bad[2, 1, 0] = np.nan
    with pytest.raises(MetricError, match="item 2"):
        distance(good, bad)


def test_exchanged_operators_and_what_is_not_heard_are_no_distance(task):
    onset = task.spec.position["note.onset"]
    exchanged = 0
    for i in range(12):
        patch, other = (task.sample(item_rng(task.name, Split.TEST, i, k)) for k in range(2))
        unheard = np.where(task.active(patch), patch, other)
        vector = task.spec.encode(unheard[None])
        for image in task.symmetries(patch)[-3:]:
            estimate = task.spec.decode(vector[:, image])
            assert mse_up_to_symmetry(task, patch[None], estimate) == 0
            exchanged += mse(vector, task.spec.encode(estimate))[0] > 0.01
            estimate[0, onset] = (estimate[0, onset] + 0.5) % 1.0
            assert mse_up_to_symmetry(task, patch[None], estimate) > 0.001
    assert exchanged > 5


def test_another_patch_is_some_distance_and_less_than_unaligned(task):
    rng = np.random.default_rng(0)
    targets, estimates = (np.stack([task.sample(rng) for _ in range(20)]) for _ in range(2))
    found = mse_up_to_symmetry(task, targets, estimates)
    assert (found > 0.01).all() and (found < 4).all()
    for i, target in enumerate(targets):
        heard = np.repeat(task.active(target), [p.width for p in task.spec.parameters])
        x, y = task.spec.encode(target[None])[0], task.spec.encode(estimates[[i]])[0]
        assert found[i] <= np.square(x - y)[heard].mean() + 1e-12
        images = [np.square(x[r] - y)[heard[r]].mean() for r in task.symmetries(target)]
        assert found[i] == pytest.approx(min(images))
