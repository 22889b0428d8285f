"""The velocity v(x, t | y) of the flow.

Paper sections 3.1 and 4.2.1: a diffusion transformer (W. Peebles, S. Xie, "Scalable Diffusion
Models with Transformers", ICCV 2023) without positions. The concatenation [conditioning vector l;
code of t] modulates layer l. Param2Tok makes tokens of parameters, and velocities of tokens:

    v(x, t | y) = g(x, t | y) + to_values(blocks(to_tokens(x), t, y))

The paper's field is the second term alone, g = 0. A new Param2Tok passes on little more of x than
its sum, and a short training spends most of its time on learning to let x through. With

    g = m + c(t) (x - t m),    c(t) = (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2),

the velocity that carries noise to independent normal coordinates of mean m(y) and variance s^2(y),
the network learns only the rest (after the preconditioning of T. Karras et al.,
"Elucidating the Design Space of Diffusion-Based Generative Models", NeurIPS 2022). m is
linear in the conditioning vectors, and s^2 is a softplus of another linear map. At the start they
are 0 and ``data_variance`` for all parameters, and they stay equal where the data are symmetric.
"""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional

from unsynth.models.layers import ModulatedBlock, ModulatedNetwork, time_code
from unsynth.models.param2tok import Param2Tok
from unsynth.models.unit_tokens import UnitTokens

#: The least s^2: a smaller one makes the field too steep for large steps of a solver.
_LEAST_VARIANCE = 0.01


class NormalVelocity(nn.Module):
    """The velocity g of the module's docstring."""

    def __init__(self, conditioning: int, values: int, variance: float) -> None:
        """``conditioning`` is the width of all vectors together, ``variance`` the initial s^2."""
        super().__init__()
        self.linear = nn.Linear(conditioning, 2 * values)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        with torch.no_grad():
            self.linear.bias[values:] = math.log(math.expm1(variance - _LEAST_VARIANCE))

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Compute g at x, each item at its own time."""
        mean, spread = self.linear(conditioning.flatten(1)).chunk(2, dim=-1)
        return normal_velocity(x, t[:, None], mean, functional.softplus(spread) + _LEAST_VARIANCE)


class _LayeredField(nn.Module):
    """Blocks between ``enter`` and ``leave``, each modulated by its vector and the time, plus g."""

    def __init__(
        self,
        blocks: Iterable[nn.Module],
        values: int,
        conditioning: int,
        time: int,
        data_variance: float | None,
    ) -> None:
        super().__init__()
        self.time = time
        self.blocks = nn.ModuleList(blocks)
        self.normal = None
        if data_variance is not None:
            self.normal = NormalVelocity(len(self.blocks) * conditioning, values, data_variance)

    def enter(self, x: torch.Tensor) -> torch.Tensor:
        """Turn values into the input of the blocks."""
        raise NotImplementedError

    def leave(self, hidden: torch.Tensor) -> torch.Tensor:
        """Turn the output of the blocks into values."""
        raise NotImplementedError

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Compute the velocity at x, each item at its own time."""
        code = time_code(t, self.time)
        hidden = self.enter(x)
        for block, vector in zip(self.blocks, conditioning.unbind(1), strict=True):
            hidden = block(hidden, torch.cat([vector, code], dim=-1))
        v = self.leave(hidden)
        return v if self.normal is None else v + self.normal(x, t, conditioning)


class DiffusionTransformer(_LayeredField):
    """The vector field of CNF (Param2Tok), or of CNF (Equivariant) with :class:`UnitTokens`.

    ``conditioning`` is the width of the sound's vectors, ``modulation`` the hidden width of the
    network that makes scales, shifts and gates, ``time`` the width of the code of t.
    ``data_variance`` is s^2 at the start of training, above 0.01, or ``None`` for g = 0. g
    distinguishes values by their places, so a field with g is not equivariant.
    """

    def __init__(
        self,
        values: int,
        tokens: Param2Tok | UnitTokens,
        conditioning: int,
        width: int,
        heads: int,
        layers: int,
        feed_forward: int,
        modulation: int,
        time: int,
        data_variance: float | None = None,
    ) -> None:
        blocks = (
            ModulatedBlock(width, heads, feed_forward, conditioning + time, modulation)
            for _ in range(layers)
        )
        super().__init__(blocks, values, conditioning, time, data_variance)
        self.tokens = tokens

    def enter(self, x: torch.Tensor) -> torch.Tensor:
        """Map values to tokens."""
        return self.tokens.to_tokens(x)

    def leave(self, hidden: torch.Tensor) -> torch.Tensor:
        """Map tokens to values."""
        return self.tokens.to_values(hidden)


class ResidualNetwork(_LayeredField):
    """The vector field of CNF (MLP): ``W2 blocks(W1 x)``, with blocks modulated like layers above.

    It does not use units (paper, section 4.2.1).
    """

    def __init__(
        self,
        values: int,
        conditioning: int,
        width: int,
        layers: int,
        feed_forward: int,
        modulation: int,
        time: int,
        data_variance: float | None = None,
    ) -> None:
        blocks = (
            ModulatedNetwork(width, feed_forward, conditioning + time, modulation)
            for _ in range(layers)
        )
        super().__init__(blocks, values, conditioning, time, data_variance)
        self.inward = nn.Linear(values, width)
        self.outward = nn.Linear(width, values)

    def enter(self, x: torch.Tensor) -> torch.Tensor:
        """Apply W1."""
        return self.inward(x)

    def leave(self, hidden: torch.Tensor) -> torch.Tensor:
        """Apply W2."""
        return self.outward(hidden)


def normal_velocity(
    x: Float[torch.Tensor, "items d"],
    t: Float[torch.Tensor, "items 1"],
    mean: Float[torch.Tensor, "items d"],
    variance: Float[torch.Tensor, "items d"],
) -> Float[torch.Tensor, "items d"]:
    """Compute E[x1 - x0 | x_t] for independent normal coordinates: g of the module's docstring.

    >>> one = torch.ones(1, 1)
    >>> normal_velocity(x=one, t=one, mean=0 * one, variance=one)
    tensor([[1.]])
    """
    slope = (t * variance - (1.0 - t)) / ((1.0 - t).square() + t.square() * variance)
    return mean + slope * (x - t * mean)
