"""The velocity v(x, t | y) of the flow.

Paper sections 3.1 and 4.2.1: a diffusion transformer (W. Peebles, S. Xie, "Scalable Diffusion
Models with Transformers", ICCV 2023) without positions, whose layer l is modulated by
[conditioning vector l; code of t]; parameters become tokens, and tokens velocities, by Param2Tok.

    v(x, t | y) = c(t) x + to_values(blocks(to_tokens(x), t, y))

The paper's field is the second term alone, c = 0. A new Param2Tok sees little more of x than its
sum, and a short training spends most of its time on learning to let x through. With

    c(t) = (t s^2 - (1 - t)) / ((1 - t)^2 + t^2 s^2),

the velocity's regression on x_t for data of variance s^2, the network learns only what is left
(after the preconditioning of T. Karras et al., "Elucidating the Design Space of Diffusion-Based
Generative Models", NeurIPS 2022). It treats all parameters alike, so the symmetries stay.
"""

import torch
from jaxtyping import Float
from torch import nn

from unsynth.models.layers import ModulatedBlock, time_code
from unsynth.models.param2tok import Param2Tok


class DiffusionTransformer(nn.Module):
    """The vector field of CNF (Param2Tok).

    ``conditioning`` is the width of the sound's vectors, ``modulation`` the hidden width of the
    network that makes scales, shifts and gates, ``time`` the width of the time's code;
    ``data_variance`` is s^2, or ``None`` for c = 0.
    """

    def __init__(
        self,
        values: int,
        conditioning: int,
        tokens: int,
        width: int,
        heads: int,
        layers: int,
        feed_forward: int,
        modulation: int,
        time: int,
        data_variance: float | None = None,
    ) -> None:
        super().__init__()
        self.data_variance = data_variance
        self.param2tok = Param2Tok(values, tokens, width)
        self.time = time
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, heads, feed_forward, conditioning + time, modulation)
            for _ in range(layers)
        )

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Find the velocity at x, each item at its own time."""
        code = time_code(t, self.time)
        tokens = self.param2tok.to_tokens(x)
        for block, vector in zip(self.blocks, conditioning.unbind(1), strict=True):
            tokens = block(tokens, torch.cat([vector, code], dim=-1))
        v = self.param2tok.to_values(tokens)
        return v if self.data_variance is None else v + _slope(t, self.data_variance)[:, None] * x


def _slope(t: torch.Tensor, variance: float) -> torch.Tensor:
    """Compute c(t)."""
    return (t * variance - (1.0 - t)) / ((1.0 - t).square() + t.square() * variance)
