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
    """``v(x, t, encode(sound))``, and one learned vector that stands for "no sound" at all layers.

    The flow may also be conditioned on known coordinates of x1 (:meth:`add_known`). Then x equals
    x1 there at every t, the field is that of p(the others | sound, known), and its velocity in the
    known coordinates has no meaning.
    """

    def __init__(
        self,
        encoder: Encoder,
        field: VectorField,
        conditioning: int,
        known_width: int | None = None,
    ) -> None:
        """``conditioning`` is the width of the encoder's vectors.

        ``known_width`` is d for a flow that can be conditioned on known coordinates, else ``None``.
        """
        super().__init__()
        # Weight files name this layer's weight "told.weight".
        self.told = (
            None if known_width is None else nn.Linear(2 * known_width, conditioning, bias=False)
        )
        self.encoder = encoder
        self.field = field
        self.no_sound = nn.Parameter(0.02 * torch.randn(conditioning))

    @property
    def accepts_known(self) -> bool:
        """Whether the flow can be conditioned on known coordinates (:meth:`add_known`)."""
        return self.told is not None

    @property
    def param2tok(self) -> Param2Tok | None:
        """The learned tokens, if the field has them."""
        tokens = getattr(self.field, "tokens", None)
        return tokens if isinstance(tokens, Param2Tok) else None

    def encode(
        self, observed: UInt8[torch.Tensor, "items ..."]
    ) -> Float[torch.Tensor, "items layers width"]:
        """Encode observed sounds. Once per sound is enough, whatever the number of samples."""
        return self.encoder(observed)

    def unconditional(self, items: int) -> Float[torch.Tensor, "items layers width"]:
        """Repeat the vector that stands for no sound."""
        return self.no_sound.expand(items, len(self.field.blocks), -1)

    def add_known(
        self,
        conditioning: Float[torch.Tensor, "items layers width"],
        x1: Float[torch.Tensor, "items d"],
        known: Bool[torch.Tensor, "items d"],
    ) -> Float[torch.Tensor, "items layers width"]:
        """Add to the conditioning which coordinates of x1 are known, and their values.

            y_l + W [x1 where known, else 0; 1 where known, else 0]

        No known coordinate adds 0. Raises :class:`ValueError` for a flow that was built without
        ``known_width``.
        """
        if self.told is None:
            raise ValueError("this flow cannot be conditioned on known coordinates")
        values_and_mask = torch.cat([torch.where(known, x1, 0.0), known.to(x1)], dim=1)
        return conditioning + self.told(values_and_mask)[:, None]

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items layers width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Compute the velocity at x, each item at its own time."""
        return self.field(x, t, conditioning)
