"""The models of the paper's Figure 3, at its sizes or in proportion to a smaller width."""

from enum import Enum

import torch
from jaxtyping import Float
from torch import nn

from unsynth.models.encoders import SpectrumEncoder
from unsynth.models.kosc_fields import ResidualField, TokenTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.regression import SpectrumRegression
from unsynth.models.unit_tokens import Layout, UnitTokens
from unsynth.synths.kosc import KOsc

#: The width at which all sizes are the paper's: that of tokens and of the conditioning vector.
PAPER_WIDTH = 128


class Model(Enum):
    """A model, as Figure 3 calls it."""

    PARAM2TOK = "CNF (Param2Tok)"
    EQUIVARIANT = "CNF (Equivariant)"
    MLP = "CNF (MLP)"
    FFN_MSE = "FFN (MSE)"
    FFN_SORT = "FFN (Sort)"
    FFN_CHAMFER = "FFN (Chamfer)"
    RANDOM = "Random"


#: Those that are flows.
FLOWS = (Model.PARAM2TOK, Model.EQUIVARIANT, Model.MLP)

Field = TokenTransformer | ResidualField


class SpectrumFlow(nn.Module):
    """``v(x, t, encode(audio))`` with one conditioning vector, and a learned one for "no sound"."""

    def __init__(self, encoder: SpectrumEncoder, field: Field, conditioning: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.field = field
        self.no_sound = nn.Parameter(0.02 * torch.randn(conditioning))

    def encode(
        self, audio: Float[torch.Tensor, "items samples"]
    ) -> Float[torch.Tensor, "items 1 width"]:
        """Encode sounds; needed once a sound, whatever the number of samples."""
        return self.encoder(audio)[:, None]

    def unconditional(self, items: int) -> Float[torch.Tensor, "items 1 width"]:
        """Repeat the vector that stands for no sound."""
        return self.no_sound.expand(items, 1, -1)

    def forward(
        self,
        x: Float[torch.Tensor, "items d"],
        t: Float[torch.Tensor, " items"],
        conditioning: Float[torch.Tensor, "items 1 width"],
    ) -> Float[torch.Tensor, "items d"]:
        """Find the velocity at x."""
        return self.field(x, t, conditioning)


def build_flow(
    model: Model, synth: KOsc, width: int = PAPER_WIDTH, data_variance: float | None = None
) -> SpectrumFlow:
    """Make a new flow with random weights (torch's generator).

    ``width`` is a multiple of 16; ``data_variance`` is that of the vector fields, for which the
    paper has ``None``.
    """
    k, values = synth.oscillators, synth.values
    field: Field
    if model is Model.MLP:
        field = ResidualField(values, width, width * 3 // 2, 7, data_variance)
    else:
        tokens: UnitTokens | Param2Tok
        if model is Model.EQUIVARIANT:
            tokens = UnitTokens(layout(synth), width)
        else:
            tokens = Param2Tok(values, k, width)
        field = TokenTransformer(tokens, width, width, 4, 5, 2 * width, data_variance)
    encoder = SpectrumEncoder(synth.samples, width, _channels(width))
    return SpectrumFlow(encoder, field, width)


def layout(synth: KOsc) -> Layout:
    """Give each oscillator a token; its values lie k apart. What follows them is one more token."""
    k, rest = synth.oscillators, synth.values - 3 * synth.oscillators
    return Layout(
        [*(3 * list(range(k))), *([k] * rest)],
        [*(j // k for j in range(3 * k)), *range(3, 3 + rest)],
        [*([0] * k), *([1] if rest else [])],
    )


def build_regression(synth: KOsc, width: int = PAPER_WIDTH) -> SpectrumRegression:
    """Make a new regression with random weights, the same for all three losses."""
    return SpectrumRegression(synth.samples, synth.values, 3 * width, _channels(width))


def _channels(width: int) -> int:
    return width * 24 // PAPER_WIDTH
