"""Layers that encoders and vector fields share.

Transformer blocks with the norm first (R. Xiong et al., "On Layer Normalization in the
Transformer Architecture", ICML 2020), blocks modulated by a condition (W. Peebles, S. Xie,
"Scalable Diffusion Models with Transformers", ICCV 2023), and the code of the flow's time.
"""

import math

import torch
from jaxtyping import Float
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention, ``softmax(Q K^T / sqrt(width / heads)) V``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Float[torch.Tensor, "items tokens width"], first: int | None = None
    ) -> Float[torch.Tensor, "items outputs width"]:
        """Let the first ``first`` tokens (by default all) attend to all tokens."""
        query = self.query(x[:, :first])
        key, value = self.key_value(x).chunk(2, dim=-1)
        query, key, value = self._split(query), self._split(key), self._split(value)
        if x.device.type == "cpu":
            # On a CPU, the backward pass takes twice as long in bfloat16.
            dtype = torch.promote_types(query.dtype, torch.float32)
            with torch.autocast("cpu", enabled=False):
                mixed = functional.scaled_dot_product_attention(
                    query.to(dtype), key.to(dtype), value.to(dtype)
                )
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def feed_forward(width: int, hidden: int) -> nn.Sequential:
    """Make ``W2 GELU(W1 x)``."""
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))


class Block(nn.Module):
    """``x + attention(norm(x))``, then ``x + feed_forward(norm(x))``."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.feed_forward = feed_forward(width, hidden)

    def forward(
        self, x: Float[torch.Tensor, "items tokens width"], first: int | None = None
    ) -> Float[torch.Tensor, "items outputs width"]:
        """Update the first ``first`` tokens (by default all) and drop the others."""
        x = x[:, :first] + self.attention(self.norm1(x), first)
        return x + self.feed_forward(self.norm2(x))


class ResidualBlock(nn.Module):
    """``x + feed_forward(norm(x))``."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.feed_forward = feed_forward(width, hidden)

    def forward(self, x: Float[torch.Tensor, "items width"]) -> Float[torch.Tensor, "items width"]:
        """Update each vector."""
        return x + self.feed_forward(self.norm(x))


class ModulatedNetwork(nn.Module):
    """``x + gate * feed_forward((1 + scale) * norm(x) + shift)``, modulated by a condition c.

    Scale, shift and gate are ``W2 SiLU(W1 c)``, all 0 at the start, so a new block is the identity
    (AdaLN-Zero; Peebles and Xie, section 3.2). The code of the paper's authors scales by
    ``scale``, not ``1 + scale``, and does not start at 0.
    """

    def __init__(self, width: int, hidden: int, condition: int, modulation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.feed_forward = feed_forward(width, hidden)
        self.modulation = _from_condition(condition, modulation, 3 * width)

    def forward(
        self,
        x: Float[torch.Tensor, "items width"],
        condition: Float[torch.Tensor, "items condition"],
    ) -> Float[torch.Tensor, "items width"]:
        """Update each vector."""
        scale, shift, gate = self.modulation(condition).chunk(3, dim=-1)
        return x + gate * self.feed_forward((1 + scale) * self.norm(x) + shift)


class ModulatedBlock(nn.Module):
    """``x + gate1 * attention((1 + scale1) * norm(x) + shift1)``, then :class:`ModulatedNetwork`.

    One network ``W2 SiLU(W1 c)`` makes all scales, shifts and gates.
    """

    def __init__(
        self, width: int, heads: int, hidden: int, condition: int, modulation: int
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = Attention(width, heads)
        self.feed_forward = feed_forward(width, hidden)
        self.modulation = _from_condition(condition, modulation, 6 * width)

    def forward(
        self,
        x: Float[torch.Tensor, "items tokens width"],
        condition: Float[torch.Tensor, "items condition"],
    ) -> Float[torch.Tensor, "items tokens width"]:
        """Update all tokens. There is one condition per item."""
        modulation = self.modulation(condition)[:, None].chunk(6, dim=-1)
        scale1, shift1, gate1, scale2, shift2, gate2 = modulation
        x = x + gate1 * self.attention((1 + scale1) * self.norm(x) + shift1)
        return x + gate2 * self.feed_forward((1 + scale2) * self.norm(x) + shift2)


def _from_condition(condition: int, hidden: int, out: int) -> nn.Sequential:
    """Make ``W2 SiLU(W1 c)``, with W2 = 0 at the start."""
    last = nn.Linear(hidden, out)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(condition, hidden), nn.SiLU(), last)


def time_code(t: Float[torch.Tensor, " items"], width: int) -> Float[torch.Tensor, "items width"]:
    """Encode times in [0, 1] as ``width / 2`` cosines and sines of 1 t to 100 t rad.

    The paper's code spans 10^-4 t to 1 t rad, so most of its coordinates hardly change.
    """
    half = width // 2
    steps = torch.arange(half, device=t.device, dtype=t.dtype) / max(1, half - 1)
    angles = t[:, None] * torch.exp(math.log(100.0) * steps)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class Projection(nn.Module):
    """``W x + feed_forward(norm(x))``: a residual block between two widths."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, out), nn.GELU(), nn.Linear(out, out))
        self.skip = nn.Linear(width, out, bias=False)

    def forward(self, x: Float[torch.Tensor, "items width"]) -> Float[torch.Tensor, "items out"]:
        """Map each vector."""
        return self.skip(x) + self.feed_forward(self.norm(x))


class SharedModulation(nn.Module):
    """Scales, shifts and gates ``W GELU(c) + b``. All blocks share c, as wide as each part.

    W and b start at random, as in the code of the paper's authors. If they started at 0, the
    encoder would have no gradient in the first step.
    """

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, parts * width)
        self._parts = parts

    def forward(
        self, condition: Float[torch.Tensor, "*items width"]
    ) -> tuple[Float[torch.Tensor, "*items width"], ...]:
        """Compute the parts, each as wide as the condition."""
        return self.linear(functional.gelu(condition)).chunk(self._parts, dim=-1)


class SharedlyModulatedBlock(nn.Module):
    """:class:`ModulatedBlock` with a condition that all blocks share.

    The condition is as wide as the tokens and comes from one network for all blocks, so each block
    needs only one layer for it. The norms have weights of their own, as in the paper's code.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.feed_forward = feed_forward(width, hidden)
        self.modulation = SharedModulation(width, 6)

    def forward(
        self,
        x: Float[torch.Tensor, "items tokens width"],
        condition: Float[torch.Tensor, "items width"],
    ) -> Float[torch.Tensor, "items tokens width"]:
        """Update all tokens. There is one condition per item."""
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulation(condition[:, None])
        x = x + gate1 * self.attention((1 + scale1) * self.norm1(x) + shift1)
        return x + gate2 * self.feed_forward((1 + scale2) * self.norm2(x) + shift2)


class ModulatedResidualBlock(nn.Module):
    """``x + gate * feed_forward((1 + scale) * norm(x) + shift)``, with one condition per item."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.feed_forward = feed_forward(width, width)
        self.modulation = SharedModulation(width, 3)

    def forward(
        self,
        x: Float[torch.Tensor, "items width"],
        condition: Float[torch.Tensor, "items width"],
    ) -> Float[torch.Tensor, "items width"]:
        """Update each vector."""
        scale, shift, gate = self.modulation(condition)
        return x + gate * self.feed_forward((1 + scale) * self.norm(x) + shift)
