"""Distances between patches (paper, section 4.1.2), some invariant to exchanges of equal parts.

All compare encoded patches, coordinates in [-1, 1], so a squared difference is at most 4.
Patches of equal units, such as oscillators, are ``(items, units, values)``: unit j of item i has
the values ``[i, j]``; for k-osc they are frequency, amplitude and shape. Each result is one number
per item. All functions raise :class:`MetricError` for coordinates that are not finite.
"""

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from unsynth.errors import MetricError
from unsynth.tasks.task import Task

_Units = Float[np.ndarray, "items units values"]


def mse(
    target: Float[np.ndarray, "items d"], estimate: Float[np.ndarray, "items d"]
) -> Float[np.ndarray, " items"]:
    """Mean squared difference, 0 to 4; symmetric.

    >>> mse(np.array([[0.0, 1.0]]), np.array([[0.0, -1.0]]))
    array([2.])
    """
    _check(target, estimate)
    return np.square(target - estimate).mean(axis=1)


def assignment_cost(target: _Units, estimate: _Units) -> Float[np.ndarray, " items"]:
    """Linear assignment cost: the least MSE over all orders of the units, 0 to 4; symmetric.

    This is the definition in the paper; its published code computes
    :func:`unsquared_assignment_cost`.

    >>> assignment_cost(np.array([[[0.0], [1.0]]]), np.array([[[1.0], [0.5]]]))
    array([0.125])
    """
    return _assigned(_squared_distances(target, estimate)) / target.shape[2]


def unsquared_assignment_cost(target: _Units, estimate: _Units) -> Float[np.ndarray, " items"]:
    """Least mean Euclidean distance of units over all their orders, 0 to 2 sqrt(values); symmetric.

    >>> unsquared_assignment_cost(np.array([[[0.0], [1.0]]]), np.array([[[1.0], [0.5]]]))
    array([0.25])
    """
    return _assigned(np.sqrt(_squared_distances(target, estimate)))


def chamfer(
    target: Float[np.ndarray, "items units values"],
    estimate: Float[np.ndarray, "items its_units values"],
) -> Float[np.ndarray, " items"]:
    """Symmetric Chamfer distance, from 0 to 8 times the number of values of a unit.

    The squared Euclidean distance of each unit to the nearest unit of the other patch, averaged
    over units, and summed over both directions. It is also 0 where several units of one patch share
    a unit of the other.
    """
    squared = _squared_distances(target, estimate)
    return squared.min(axis=2).mean(axis=1) + squared.min(axis=1).mean(axis=1)


def mse_up_to_symmetry(
    task: Task,
    targets: Float[np.ndarray, "items parameters"],
    estimates: Float[np.ndarray, "items parameters"],
) -> Float[np.ndarray, " items"]:
    """Least MSE of encoded patches over the exchanges that keep the target's sound, 0 to 4.

    These exchanges depend on the target (``task.symmetries``), so the result is not symmetric. Only
    the audible parameters of the target count (``task.active``). Takes patches, not vectors. Raises
    :class:`~unsynth.errors.PatchError` for values out of range.
    """
    if targets.shape != estimates.shape:
        raise MetricError(f"targets {targets.shape} and estimates {estimates.shape} differ")
    vectors = zip(task.spec.encode(targets), task.spec.encode(estimates), strict=True)
    widths = [p.width for p in task.spec.parameters]
    costs = np.empty(len(targets))
    for i, (target, estimate) in enumerate(vectors):
        audible = np.repeat(task.active(targets[i]), widths)
        images = task.symmetries(targets[i])
        squared = np.square(target[images] - estimate)
        costs[i] = (squared * audible[images]).sum(axis=1).min() / audible.sum()
    return costs


def _squared_distances(
    target: Float[np.ndarray, "items units values"],
    estimate: Float[np.ndarray, "items its_units values"],
) -> Float[np.ndarray, "items units its_units"]:
    _check(target, estimate)
    return np.square(target[:, :, None] - estimate[:, None]).sum(axis=-1)


def _assigned(costs: Float[np.ndarray, "items units units"]) -> Float[np.ndarray, " items"]:
    """Return the mean cost per unit of each item's cheapest one-to-one assignment."""
    return np.array([cost[linear_sum_assignment(cost)].mean() for cost in costs])


def _check(*patches: np.ndarray) -> None:
    for vectors in patches:
        if not np.isfinite(vectors).all():
            item = int(np.nonzero(~np.isfinite(vectors))[0].min())
            raise MetricError(f"item {item} holds a coordinate that is NaN or infinite")
