"""The models of the paper's Figure 3, at the paper's sizes or in proportion to a smaller width."""

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

#: The width of tokens and conditioning vector at which all sizes are the paper's.
PAPER_WIDTH = 128


class Model(Enum):
    """A model, by its name in Figure 3."""

    PARAM2TOK = "CNF (Param2Tok)"
    EQUIVARIANT = "CNF (Equivariant)"
    MLP = "CNF (MLP)"
    FFN_MSE = "FFN (MSE)"
    FFN_SORT = "FFN (Sort)"
    FFN_CHAMFER = "FFN (Chamfer)"
    RANDOM = "Random"


#: The models that are flows.
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
        """Encode sounds. Once per sound is enough, whatever the number of samples."""
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
        """Compute the velocity at x, each item at its own time."""
        return self.field(x, t, conditioning)


def build_flow(
    model: Model, synth: KOsc, width: int = PAPER_WIDTH, data_variance: float | None = None
) -> SpectrumFlow:
    """Make a new flow with random weights from torch's global generator.

    ``width`` is a multiple of 16. ``data_variance`` is s^2 of the vector fields
    (:mod:`unsynth.models.kosc_fields`); the paper's are without it (``None``).
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
    """Give each oscillator a token, whose values lie k apart. Any other values share one more."""
    k, rest = synth.oscillators, synth.values - 3 * synth.oscillators
    return Layout(
        [*(3 * list(range(k))), *([k] * rest)],
        [*(j // k for j in range(3 * k)), *range(3, 3 + rest)],
        [*([0] * k), *([1] if rest else [])],
    )


def build_regression(synth: KOsc, width: int = PAPER_WIDTH) -> SpectrumRegression:
    """Make a new regression with random weights. All three losses train the same model."""
    return SpectrumRegression(synth.samples, synth.values, 3 * width, _channels(width))


def _channels(width: int) -> int:
    return width * 24 // PAPER_WIDTH
