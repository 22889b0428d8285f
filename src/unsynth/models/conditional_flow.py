"""An encoder and a vector field, trained together: the paper's CNF (Param2Tok), section 4.2.1.

The encoder sees (dB + 40) / 40, which is in [-1, 1]. The paper standardises each cell with the
training set's mean and deviation; the mean is absorbed by the embedding's positions, and without
statistics a sound's conditioning depends on nothing but the weights.
"""

import torch
from jaxtyping import Float
from torch import nn

from unsynth.models.encoders import SpectrogramTransformer
from unsynth.models.vector_fields import DiffusionTransformer

_MIDDLE_DB = -40.0


class ConditionalFlow(nn.Module):
    """``v(x, t, encode(spectrogram))``, and one learned vector for "no sound" at all layers."""

    def __init__(self, encoder: SpectrogramTransformer, field: DiffusionTransformer) -> None:
        super().__init__()
        self.encoder = encoder
        self.field = field
        self.no_sound = nn.Parameter(0.02 * torch.randn(encoder.out.out_features))

    def encode(
        self, decibels: Float[torch.Tensor, "items channels bands frames"]
    ) -> Float[torch.Tensor, "items layers width"]:
        """Encode log-mels in [-80, 0] dB; needed once a sound, whatever the number of samples."""
        return self.encoder((decibels - _MIDDLE_DB) / -_MIDDLE_DB)

    def unconditional(self, items: int) -> Float[torch.Tensor, "items layers width"]:
        """Repeat the vector that stands for no sound."""
        return self.no_sound.expand(items, len(self.field.blocks), -1)

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Find the velocity at x."""
        return self.field(x, t, conditioning)
