"""Couplings: which noise is paired with which data item of a batch.

Independent coupling keeps the noise in the order of its draws. Minibatch optimal transport
(A.-A. Pooladian et al., "Multisample Flow Matching", ICML 2023; A. Tong et al., TMLR 2024; the
paper, section 4) permutes the noise of a batch to

    argmin over permutations s of  sum_i |x0[s(i)] - x1[i]|^2

by the Hungarian algorithm, so paths cross less and are straighter. It ignores the condition y, so
the pairs of one y are no longer exactly distributed as p(x0) p(x1 | y).

Aligned coupling stays within an item. Some exchanges g of an item's coordinates leave its sound
unchanged: its symmetries, the identity among them. Aligned coupling takes the symmetry that brings
noise and data nearest,

    argmin over g of  |x0 - g x1|^2  =  argmin over g of  |g^-1 x0 - x1|^2.

This code moves the noise instead of the data, which is the same up to an exchange of the whole
pair. Since p(x1 | y) gives all g x1 the same density, it does not change, for any y.
"""

from collections.abc import Callable, Sequence
from enum import Enum

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

#: The symmetries of each item of a batch: rows order its coordinates, as ``x[row]``.
Symmetries = Callable[[], Sequence[Int[np.ndarray, "_ d"]]]


class Coupling(Enum):
    """A way to pair noise and data."""

    INDEPENDENT = "independent"
    OPTIMAL_TRANSPORT = "optimal transport"
    ALIGNED = "aligned"
    ALIGNED_TRANSPORT = "aligned transport"


def couple(
    coupling: Coupling,
    x0: Float[torch.Tensor, "items d"],
    x1: Float[torch.Tensor, "items d"],
    symmetries: Symmetries = tuple,
) -> Float[torch.Tensor, "items d"]:
    """Reorder the noise ``x0`` to go with the data ``x1``.

    ``symmetries`` is called only if the coupling needs it. ``ALIGNED_TRANSPORT`` is optimal
    transport, followed by alignment.
    """
    if coupling in (Coupling.OPTIMAL_TRANSPORT, Coupling.ALIGNED_TRANSPORT):
        x0 = x0[_transport(x0, x1)]
    if coupling in (Coupling.ALIGNED, Coupling.ALIGNED_TRANSPORT):
        x0 = _aligned(x0, x1, symmetries())
    return x0


def align_units(
    x0: Float[torch.Tensor, "items copies values"], x1: Float[torch.Tensor, "items copies values"]
) -> Float[torch.Tensor, "items copies values"]:
    """Reorder the copies in each item's noise to go with its data.

    This is aligned coupling if all orders of the copies are symmetries; the Hungarian algorithm
    finds the best order.
    """
    costs = -(x1 @ x0.mT).double().cpu().numpy()
    order = np.array([linear_sum_assignment(cost)[1] for cost in costs], dtype=np.int64)
    places = torch.from_numpy(order).to(x0.device).view(*x0.shape[:2], 1).expand_as(x0)
    return x0.gather(1, places)


def _transport(x0: torch.Tensor, x1: torch.Tensor) -> Int[torch.Tensor, " items"]:
    # |x0 - x1|^2 without the terms that every permutation shares.
    cost = -(x1 @ x0.T)
    _, order = linear_sum_assignment(cost.double().cpu().numpy())
    return torch.from_numpy(order).to(x0.device)


def _aligned(
    x0: torch.Tensor, x1: torch.Tensor, symmetries: Sequence[Int[np.ndarray, "_ d"]]
) -> Float[torch.Tensor, "items d"]:
    aligned = x0.clone()
    for noise, data, rows, result in zip(x0, x1, symmetries, aligned, strict=True):
        images = torch.tensor(rows, device=x0.device)
        nearest = images[(data[images] @ noise).argmax()]
        result[nearest] = noise
    return aligned
