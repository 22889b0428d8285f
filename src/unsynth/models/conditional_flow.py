"""An encoder and a vector field, trained together: the paper's CNF models, section 4.2.1."""

import torch
from jaxtyping import Bool, Float, UInt8
from torch import nn

from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.vector_fields import DiffusionTransformer, ResidualNetwork

Encoder = SpectrogramTransformer | NoteEncoder
VectorField = DiffusionTransformer | ResidualNetwork


class ConditionalFlow(nn.Module):
    """``v(x, t, encode(sound))``, and one learned vector for "no sound" at all layers.

    It may also be told that some coordinates are known, and what they are (:meth:`tell`): then x
    is x1 there at all times, the field is that of p(the others | sound, known), and its velocity
    of known coordinates means nothing.
    """

    def __init__(
        self, encoder: Encoder, field: VectorField, conditioning: int, told: int | None = None
    ) -> None:
        """``conditioning`` is the width of the encoder's vectors.

        ``told`` is d for a model that is to be told of known coordinates.
        """
        super().__init__()
        self.told = None if told is None else nn.Linear(2 * told, conditioning, bias=False)
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

    def tell(
        self,
        conditioning: Float[torch.Tensor, "items layers width"],
        x1: Float[torch.Tensor, "items d"],
        known: Bool[torch.Tensor, "items d"],
    ) -> Float[torch.Tensor, "items layers width"]:
        """Add which coordinates of x1 are known, and what they are; to be told nothing adds 0."""
        if self.told is None:
            raise ValueError("this model cannot be told of known coordinates")
        told = torch.cat([torch.where(known, x1, 0.0), known.to(x1)], dim=1)
        return conditioning + self.told(told)[:, None]

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Find the velocity at x."""
        return self.field(x, t, conditioning)
