"""The vector fields of the k-osc study: paper, sections 3.1 and 4.1.1.

All take one conditioning vector y, of shape ``items 1 width``, and t as a plain number; one small
network of [y, t] modulates all layers. With a ``data_variance`` of s^2, the field is the network
plus

    c(t) x,    c(t) = (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2),

the regression of the velocity on x for independent data of that variance
(:mod:`unsynth.models.vector_fields`). It treats all values alike, so symmetries stay. The paper's
fields do not have this term.
"""

import torch
from jaxtyping import Float
from torch import nn

from unsynth.models.layers import ModulatedResidualBlock, SharedlyModulatedBlock
from unsynth.models.param2tok import Param2Tok
from unsynth.models.unit_tokens import UnitTokens


class _OneCondition(nn.Module):
    """``W2 GELU(W1 [y, t])``, which modulates all blocks of a k-osc field."""

    def __init__(self, conditioning: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(conditioning + 1, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, conditioning: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([conditioning[:, 0], t[:, None]], dim=-1))


class TokenTransformer(nn.Module):
    """The k-osc field with tokens: CNF (Param2Tok), or CNF (Equivariant) with :class:`UnitTokens`.

    Unlike :class:`~unsynth.models.vector_fields.DiffusionTransformer`, it has one conditioning
    vector and one small network of [y, t] for all layers, and takes t itself instead of a code.
    """

    def __init__(
        self,
        tokens: UnitTokens | Param2Tok,
        conditioning: int,
        width: int,
        heads: int,
        layers: int,
        feed_forward: int,
        data_variance: float | None = None,
    ) -> None:
        super().__init__()
        self.data_variance = data_variance
        self.tokens = tokens
        self.condition = _OneCondition(conditioning, width)
        self.blocks = nn.ModuleList(
            SharedlyModulatedBlock(width, heads, feed_forward) for _ in range(layers)
        )

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items 1 width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Compute the velocity at x, each item at its own time."""
        condition = self.condition(conditioning, t)
        tokens = self.tokens.to_tokens(x)
        for block in self.blocks:
            tokens = block(tokens, condition)
        return _with_slope(self.tokens.to_values(tokens), x, t, self.data_variance)


class ResidualField(nn.Module):
    """The field of CNF (MLP): modulated residual blocks on the whole vector, no equivariance."""

    def __init__(
        self,
        values: int,
        conditioning: int,
        width: int,
        layers: int,
        data_variance: float | None = None,
    ) -> None:
        super().__init__()
        self.data_variance = data_variance
        self.inward = nn.Linear(values, width)
        self.condition = _OneCondition(conditioning, width)
        self.blocks = nn.ModuleList(ModulatedResidualBlock(width) for _ in range(layers))
        self.outward = nn.Linear(width, values)

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items 1 width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Compute the velocity at x, each item at its own time."""
        condition = self.condition(conditioning, t)
        hidden = self.inward(x)
        for block in self.blocks:
            hidden = block(hidden, condition)
        return _with_slope(self.outward(hidden), x, t, self.data_variance)


def _with_slope(
    v: torch.Tensor, x: torch.Tensor, t: torch.Tensor, variance: float | None
) -> torch.Tensor:
    """Add c(t) x."""
    if variance is None:
        return v
    slope = (t * variance - (1.0 - t)) / ((1.0 - t).square() + t.square() * variance)
    return v + slope[:, None] * x
