"""An encoder and a vector field, trained together: the paper's CNF models, section 4.2.1."""

import torch
from jaxtyping import Float, UInt8
from torch import nn

from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.vector_fields import DiffusionTransformer, ResidualNetwork

Encoder = SpectrogramTransformer | NoteEncoder
VectorField = DiffusionTransformer | ResidualNetwork


class ConditionalFlow(nn.Module):
    """``v(x, t, encode(sound))``, and one learned vector for "no sound" at all layers."""

    def __init__(self, encoder: Encoder, field: VectorField, conditioning: int) -> None:
        """``conditioning`` is the width of the encoder's vectors."""
        super().__init__()
        self.encoder = encoder
        self.field = field
        self.no_sound = nn.Parameter(0.02 * torch.randn(conditioning))

    @property
    def param2tok(self) -> Param2Tok | None:
        """The learned tokens, where the field has them."""
        tokens = getattr(self.field, "tokens", None)
        return tokens if isinstance(tokens, Param2Tok) else None

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
