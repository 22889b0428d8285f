"""Which noise goes with which data item of a batch.

Independent coupling keeps the order in which the noise was drawn. Minibatch optimal transport
(A.-A. Pooladian et al., "Multisample Flow Matching", ICML 2023; A. Tong et al., TMLR 2024; the
paper, section 4) permutes the noise of a batch to

    argmin over permutations s of  sum_i |x0[s(i)] - x1[i]|^2

by the Hungarian algorithm, so that paths cross less and are straighter. It looks past the
condition y, so the pairs of one y are no longer exactly those of p(x0) p(x1 | y).
"""

from collections.abc import Callable
from enum import Enum

import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment


class Coupling(Enum):
    """How noise and data are paired."""

    INDEPENDENT = "independent"
    OPTIMAL_TRANSPORT = "optimal transport"


def couple(
    coupling: Coupling,
    x0: Float[torch.Tensor, "items d"],
    x1: Float[torch.Tensor, "items d"],
) -> Int[torch.Tensor, " items"]:
    """Order the noise: ``x0[order]`` goes with ``x1``."""
    return _ORDERS[coupling](x0, x1)


def _independent(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    return torch.arange(len(x0), device=x0.device)


def _optimal_transport(x0: torch.Tensor, x1: torch.Tensor) -> torch.Tensor:
    # |x0 - x1|^2 without the terms that every permutation shares.
    cost = -(x1 @ x0.T)
    _, order = linear_sum_assignment(cost.double().cpu().numpy())
    return torch.from_numpy(order).to(x0.device)


_ORDERS: dict[Coupling, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    Coupling.INDEPENDENT: _independent,
    Coupling.OPTIMAL_TRANSPORT: _optimal_transport,
}
