"""Which noise goes with which data item of a batch.

Independent coupling keeps the order in which the noise was drawn. Minibatch optimal transport
(A.-A. Pooladian et al., "Multisample Flow Matching", ICML 2023; A. Tong et al., TMLR 2024; the
paper, section 4) permutes the noise of a batch to

    argmin over permutations s of  sum_i |x0[s(i)] - x1[i]|^2

by the Hungarian algorithm, so that paths cross less and are straighter. It looks past the
condition y, so the pairs of one y are no longer exactly those of p(x0) p(x1 | y).

Aligned coupling stays within an item. Of the exchanges of coordinates that leave the item's own
sound as it is (its symmetries, the identity among them) it takes the one under which noise and
data are nearest,

    argmin over g of  |x0 - g x1|^2  =  argmin over g of  |g^-1 x0 - x1|^2.

Moving the noise instead of the data, as is done here, is the same up to an exchange of the whole
pair. As p(x1 | y) gives all g x1 one density, it stays what it was, for every y.
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
    """How noise and data are paired."""

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
    """Reorder noise to go with data, ``symmetries`` being asked for where they are needed.

    ``ALIGNED_TRANSPORT`` is optimal transport and then aligned.
    """
    if coupling in (Coupling.OPTIMAL_TRANSPORT, Coupling.ALIGNED_TRANSPORT):
        x0 = x0[_transport(x0, x1)]
    if coupling in (Coupling.ALIGNED, Coupling.ALIGNED_TRANSPORT):
        x0 = _aligned(x0, x1, symmetries())
    return x0


def align_units(
    x0: Float[torch.Tensor, "items copies values"], x1: Float[torch.Tensor, "items copies values"]
) -> Float[torch.Tensor, "items copies values"]:
    """Reorder each item's noise to go with its data, where all orders of the copies are equal.

    Aligned coupling for the whole symmetric group, whose best member the Hungarian algorithm finds.
    """
    costs = -(x1 @ x0.mT).double().cpu().numpy()
    order = np.stack([linear_sum_assignment(cost)[1] for cost in costs])
    places = torch.from_numpy(order).to(x0.device)[..., None].expand_as(x0)
    return x0.gather(1, places)


def _transport(x0: torch.Tensor, x1: torch.Tensor) -> Int[torch.Tensor, " items"]:
    # |x0 - x1|^2 without the terms that every permutation shares.
    cost = -(x1 @ x0.T)
    _, order = linear_sum_assignment(cost.double().cpu().numpy())
    return torch.from_numpy(order).to(x0.device)


def _aligned(
    x0: torch.Tensor, x1: torch.Tensor, symmetries: Sequence[Int[np.ndarray, "_ d"]]
) -> Float[torch.Tensor, "items d"]:
    moved = x0.clone()
    for noise, data, rows, place in zip(x0, x1, symmetries, moved, strict=True):
        images = torch.from_numpy(rows).to(x0.device)
        nearest = images[(data[images] @ noise).argmax()]
        place[nearest] = noise
    return moved
