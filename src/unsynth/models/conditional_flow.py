"""An encoder and a vector field, trained together: the paper's CNF (Param2Tok), section 4.2.1."""

import torch
from jaxtyping import Float, UInt8
from torch import nn

from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.vector_fields import DiffusionTransformer

Encoder = SpectrogramTransformer | NoteEncoder


class ConditionalFlow(nn.Module):
    """``v(x, t, encode(sound))``, and one learned vector for "no sound" at all layers."""

    def __init__(self, encoder: Encoder, field: DiffusionTransformer, conditioning: int) -> None:
        """``conditioning`` is the width of the encoder's vectors."""
        super().__init__()
        self.encoder = encoder
        self.field = field
        self.no_sound = nn.Parameter(0.02 * torch.randn(conditioning))

    def encode(
        self, observed: UInt8[torch.Tensor, "items ..."]
    ) -> Float[torch.Tensor, "items layers width"]:
        """Encode observed sounds; needed once a sound, whatever the number of samples."""
        return self.encoder(observed)

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
