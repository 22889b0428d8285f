"""Regression from a sound to one patch, and losses for patches of units in no order.

The baselines of sections 4.1.1 and 4.2.1 of the paper. MSE alone; MSE after sorting the target's
units (FFN (Sort)); and a Chamfer distance (FFN (Chamfer)): with target units u_i and estimates v_j,

    1/k sum_i min_j |u_i - v_j|^2  +  1/k sum_j min_i |u_i - v_j|^2,

as :func:`unsynth.metrics.parameters.chamfer` has it. Neither of the last two depends on the order
of the target's units, and neither solves the responsibility problem: which output is which unit.
"""

import torch
from jaxtyping import Float, UInt8
from torch import nn

from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer, SpectrumEncoder
from unsynth.models.layers import Projection, ResidualBlock


class PatchRegression(nn.Module):
    """An encoder whose one vector is the patch: AST in the paper's Table 1, trained by MSE."""

    def __init__(self, encoder: SpectrogramTransformer | NoteEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, observed: UInt8[torch.Tensor, "items ..."]
    ) -> Float[torch.Tensor, "items values"]:
        """Estimate patches."""
        return self.encoder(observed)[:, 0]


class SpectrumRegression(nn.Module):
    """The CNN with ``width`` features, residual blocks, and one of them to ``values``."""

    def __init__(self, samples: int, values: int, width: int = 384, channels: int = 24) -> None:
        super().__init__()
        self.encoder = SpectrumEncoder(samples, width, channels)
        # With the encoder's own and the projection these are the paper's four.
        self.blocks = nn.Sequential(*(ResidualBlock(width, width) for _ in range(2)))
        self.out = Projection(width, values)

    def forward(
        self, audio: Float[torch.Tensor, "items samples"]
    ) -> Float[torch.Tensor, "items values"]:
        """Estimate patches."""
        return self.out(self.blocks(self.encoder(audio)))


def sort_units(
    units: Float[torch.Tensor, "items units values"], keys: Float[torch.Tensor, "items units"]
) -> Float[torch.Tensor, "items units values"]:
    """Order each item's units by their keys, ascending."""
    order = keys.argsort(dim=1)
    return units.take_along_dim(order[..., None], dim=1)


def chamfer_loss(
    target: Float[torch.Tensor, "items units values"],
    estimate: Float[torch.Tensor, "items its_units values"],
) -> Float[torch.Tensor, ""]:
    """Mean squared symmetric Chamfer distance; it takes an order of the units of either."""
    squared = (target[:, :, None] - estimate[:, None]).square().sum(dim=-1)
    return squared.amin(dim=2).mean() + squared.amin(dim=1).mean()
