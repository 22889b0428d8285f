"""Param2Tok: a learned map between parameters and the tokens of a transformer.

Paper section 3.2. With x of k values, Z and Z' of shape k × width, A of shape tokens × k:

    X_0 = A h(diag(x) Z)                      (3)
    x~  = (Z' * (A^T X_l)) 1                  (4)

where h is a network of two layers, applied to each row. At the start all rows of Z are equal, Z' is
a copy of Z, and every entry of A is 1 / sqrt(tokens k), each plus noise of 10^-4. So a new model
treats all parameters alike, and training breaks that symmetry where the data do. An L1 penalty on
A keeps the assignment sparse.
"""

import math
from collections.abc import Sequence
from enum import Enum

import torch
from jaxtyping import Float
from torch import nn

#: Standard deviation of the noise that first distinguishes parameters, and tokens.
SYMMETRY_NOISE = 1e-4


class Start(Enum):
    """The values of A, Z and Z' before training. In each, A has a norm of about 1."""

    #: The paper's: all rows of Z and all entries of A equal, but for noise.
    PAPER = "paper"
    #: Each copy of a unit has a token, and the same value of all copies the same row of Z.
    UNITS = "units known"
    #: Independent rows of Z and entries of A.
    RANDOM = "random"


class Param2Tok(nn.Module):
    """The maps in both directions, which share the assignment A."""

    def __init__(self, values: int, tokens: int, width: int) -> None:
        super().__init__()
        row = torch.randn(1, width) / math.sqrt(width)
        z = row + SYMMETRY_NOISE * torch.randn(values, width)
        self.z_in = nn.Parameter(z)
        self.z_out = nn.Parameter(z.clone())
        self.assignment = nn.Parameter(
            1.0 / math.sqrt(tokens * values) + SYMMETRY_NOISE * torch.randn(tokens, values)
        )
        self.h = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def to_tokens(
        self, x: Float[torch.Tensor, "items values"]
    ) -> Float[torch.Tensor, "items tokens width"]:
        """Apply equation (3)."""
        return self.assignment @ self.h(x[..., None] * self.z_in)

    def to_values(
        self, tokens: Float[torch.Tensor, "items tokens width"]
    ) -> Float[torch.Tensor, "items values"]:
        """Apply equation (4)."""
        return (self.z_out * (self.assignment.T @ tokens)).sum(dim=-1)

    @torch.no_grad()
    def restart(self, start: Start, tokens: Sequence[int], places: Sequence[int]) -> None:
        """Replace the paper's start by another.

        ``tokens`` and ``places`` give each value's token and its row of Z, where units are known
        (:class:`~unsynth.models.unit_tokens.Layout`). A value whose token this layer lacks belongs
        to all tokens.
        """
        if start is Start.PAPER:
            return
        values, width = self.z_in.shape
        z = torch.randn_like(self.z_in) / math.sqrt(width)
        if start is Start.UNITS:
            z = z[list(places)]
            count = len(self.assignment)
            token = torch.tensor(tokens, device=z.device)
            share = torch.where(token < count, 0.0, 1.0 / math.sqrt(count * values))
            own = torch.arange(count, device=z.device)[:, None] == token
            self.assignment.copy_(torch.where(own, 1.0 / math.sqrt(values), share))
        else:
            self.assignment.normal_(0.0, 1.0 / math.sqrt(self.assignment.numel()))
        self.z_in.copy_(z)
        self.z_out.copy_(z)

    def penalty(self) -> Float[torch.Tensor, ""]:
        """Compute the mean absolute entry of A; the loss takes it times 0.01."""
        return self.assignment.abs().mean()
