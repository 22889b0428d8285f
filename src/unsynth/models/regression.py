"""Regression from a sound to one patch, and losses for patches whose units have no order.

The baselines of the paper, sections 4.1.1 and 4.2.1: the MSE alone; the MSE after sorting the
target's units (FFN (Sort)); and a Chamfer distance (FFN (Chamfer)). With target units u_i and
estimates v_j, the latter is

    1/k sum_i min_j |u_i - v_j|^2  +  1/k sum_j min_i |u_i - v_j|^2,

the metric :func:`unsynth.metrics.parameters.chamfer`. Neither of the last two depends on the order
of the target's units. Neither solves the responsibility problem: which output is for which unit.
"""

import torch
from jaxtyping import Float, UInt8
from torch import nn

from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer, SpectrumEncoder
from unsynth.models.layers import Projection, ResidualBlock


class PatchRegression(nn.Module):
    """An encoder whose only vector is the patch: AST of the paper's Table 1, trained by the MSE."""

    def __init__(self, encoder: SpectrogramTransformer | NoteEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, observed: UInt8[torch.Tensor, "items ..."]
    ) -> Float[torch.Tensor, "items values"]:
        """Estimate patches."""
        return self.encoder(observed)[:, 0]


class SpectrumRegression(nn.Module):
    """The CNN with ``width`` features, residual blocks, and a projection to ``values``."""

    def __init__(self, samples: int, values: int, width: int = 384, channels: int = 24) -> None:
        super().__init__()
        self.encoder = SpectrumEncoder(samples, width, channels)
        # With the encoder's own block and the projection, these are the paper's four.
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
    """Sort each item's units by their keys, in ascending order."""
    order = keys.argsort(dim=1)
    return units.take_along_dim(order[..., None], dim=1)


def chamfer_loss(
    target: Float[torch.Tensor, "items units values"],
    estimate: Float[torch.Tensor, "items its_units values"],
) -> Float[torch.Tensor, ""]:
    """Compute the mean of the squared, symmetric Chamfer distance, in any order of the units."""
    squared = (target[:, :, None] - estimate[:, None]).square().sum(dim=-1)
    return squared.amin(dim=2).mean() + squared.amin(dim=1).mean()
