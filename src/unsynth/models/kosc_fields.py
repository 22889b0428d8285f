"""The vector fields of the k-osc study: paper, sections 3.1 and 4.1.1.

All take one conditioning vector y, as ``items 1 width``, and t as it is; one small network of
[y, t] modulates all layers. With ``data_variance`` s^2 the network is added to

    c(t) x,    c(t) = (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2),

the velocity's regression on x for independent data of that variance, as
:mod:`unsynth.models.vector_fields` has it: it treats all values alike, so symmetries stay. The
paper's fields are without it.
"""

import torch
from jaxtyping import Float
from torch import nn

from unsynth.models.layers import ModulatedResidualBlock, SharedlyModulatedBlock
from unsynth.models.param2tok import Param2Tok


class UnitTokens(nn.Module):
    """One token for each of k like units, whatever their order: an equivariant map.

    x is laid out as ``per_unit`` blocks of k values (k frequencies, k amplitudes, ...). A unit's
    values become its token by a linear map that all units share, and its velocity by another;
    there are no positions (the paper, sections 3.1 and 4.1.1). ``rest`` values after them, which
    belong to no unit, are one more token.
    """

    def __init__(self, units: int, per_unit: int, width: int, rest: int = 0) -> None:
        super().__init__()
        self._shape = (per_unit, units)
        self.inward = nn.Linear(per_unit, width)
        self.outward = nn.Linear(width, per_unit)
        self.rest = rest
        if rest:
            self.rest_inward = nn.Linear(rest, width)
            self.rest_outward = nn.Linear(width, rest)

    def to_tokens(
        self, x: Float[torch.Tensor, "items values"]
    ) -> Float[torch.Tensor, "items tokens width"]:
        """Map values to tokens."""
        per_unit, units = self._shape
        tokens = self.inward(x[:, : per_unit * units].unflatten(1, self._shape).mT)
        if not self.rest:
            return tokens
        return torch.cat([tokens, self.rest_inward(x[:, None, per_unit * units :])], dim=1)

    def to_values(
        self, tokens: Float[torch.Tensor, "items tokens width"]
    ) -> Float[torch.Tensor, "items values"]:
        """Map tokens to values."""
        values = self.outward(tokens[:, : self._shape[1]]).mT.flatten(1)
        return torch.cat([values, self.rest_outward(tokens[:, -1])], 1) if self.rest else values


class _OneCondition(nn.Module):
    """``W2 GELU(W1 [y, t])``: what all blocks of the k-osc fields are modulated by."""

    def __init__(self, conditioning: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(conditioning + 1, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, conditioning: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([conditioning[:, 0], t[:, None]], dim=-1))


class TokenTransformer(nn.Module):
    """The k-osc field with tokens: CNF (Equivariant) by :class:`UnitTokens`, CNF (Param2Tok).

    Unlike :class:`~unsynth.models.vector_fields.DiffusionTransformer` it has one conditioning
    vector and one small network of [y, t] for all layers, and t is itself, not a code.
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
        """Find the velocity at x, each item at its own time."""
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
        """Find the velocity at x, each item at its own time."""
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
