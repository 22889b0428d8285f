"""Settings of a model's architecture, as experiment files and weight files hold them.

The names of fields are part of both file formats.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unsynth.audio.observation import Observation
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.param2tok import Param2Tok
from unsynth.models.regression import PatchRegression
from unsynth.models.unit_tokens import Layout, UnitTokens
from unsynth.models.vae_realnvp import VAERealNVP
from unsynth.models.vector_fields import DiffusionTransformer, ResidualNetwork
from unsynth.tasks.spec import Spec
from unsynth.tasks.task import Task

#: A size of a layer, such as its width, or a number of sounds that are held in memory.
Size = Annotated[int, Field(gt=0, le=65_536)]
#: A number of layers.
Layers = Annotated[int, Field(gt=0, le=256)]
#: A number of steps or sounds that come one after the other.
Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
#: A rate, or the weight of a loss.
Weight = Annotated[float, Field(ge=0.0, le=1e30)]
#: The models that can be trained and then estimate patches.
Model = ConditionalFlow | PatchRegression | VAERealNVP


class StrictSettings(BaseModel):
    """Base of settings in files: values are checked and fixed, and unknown fields are errors.

    Types are strict: true is no number, and a number in quotes is text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Transformer(StrictSettings):
    width: Size
    heads: Size
    layers: Layers
    feed_forward: Size

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "_Transformer":
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        return self


class SpectrogramEncoderSettings(_Transformer):
    """Sizes of :class:`SpectrogramTransformer`; patch and stride are (bands, frames)."""

    kind: Literal["log-mel"]
    patch: tuple[Size, Size]
    stride: tuple[Size, Size]

    @model_validator(mode="after")
    def _patches_touch(self) -> "SpectrogramEncoderSettings":
        if any(s > p for s, p in zip(self.stride, self.patch, strict=True)):
            raise ValueError(
                f"a stride of {self.stride} skips cells between patches of {self.patch}"
            )
        return self

    def build(self, shape: tuple[int, ...], queries: int, out: int) -> SpectrogramTransformer:
        """Make a new encoder for spectrograms of shape (channels, bands, frames).

        It has one vector of width ``out`` per query.
        """
        channels, bands, frames = shape
        sizes = self.model_dump(exclude={"kind"})
        return SpectrogramTransformer((channels, bands, frames), queries, out, **sizes)


class NoteEncoderSettings(StrictSettings):
    """Sizes of :class:`NoteEncoder`; ``out`` is the width of the field's conditioning vectors."""

    kind: Literal["note", "windows"]
    directions: Size
    width: Size
    layers: Layers
    feed_forward: Size
    out: Size
    #: Sounds from which the whitening is fitted before the first step.
    sounds: Count = 2048

    def build(self, shape: tuple[int, ...], queries: int, out: int) -> NoteEncoder:
        """Make a new encoder for notes or windows, of shape (values,)."""
        sizes = self.model_dump(exclude={"kind", "sounds", "out"})
        return NoteEncoder(shape[0], Observation(self.kind).note_values, queries, out, **sizes)


EncoderSettings = Annotated[
    SpectrogramEncoderSettings | NoteEncoderSettings, Field(discriminator="kind")
]


class _Conditioned(StrictSettings):
    modulation: Size
    time: Size
    data_variance: float | None = Field(None, gt=0.01, le=1e6)


class Param2TokFieldSettings(_Transformer, _Conditioned):
    """Sizes of :class:`DiffusionTransformer` with :class:`Param2Tok`."""

    kind: Literal["param2tok"]
    tokens: Size


class UnitFieldSettings(_Transformer, _Conditioned):
    """Sizes of :class:`DiffusionTransformer` with :class:`UnitTokens` of the task's units."""

    kind: Literal["units"]


class MLPFieldSettings(_Conditioned):
    """Sizes of :class:`ResidualNetwork`."""

    kind: Literal["mlp"]
    width: Size
    layers: Layers
    feed_forward: Size


class _Architecture(StrictSettings):
    encoder: EncoderSettings

    @property
    def observation(self) -> Observation:
        """The observation that the encoder takes."""
        return Observation(self.encoder.kind)

    def observed_shape(self, task: Task) -> tuple[int, ...]:
        """Compute the shape of a task's observed sounds."""
        return self.observation.shape(task.channels, task.sample_rate)


class FlowArchitecture(_Architecture):
    """Sizes of :class:`ConditionalFlow`."""

    kind: Literal["flow"]
    #: Whether the flow can be conditioned on known parameters, as well as on the sound
    #: (:meth:`ConditionalFlow.add_known`). Training then needs ``training.known`` above 0.
    told: bool = False
    field: Annotated[
        Param2TokFieldSettings | UnitFieldSettings | MLPFieldSettings, Field(discriminator="kind")
    ]

    def build(self, spec: Spec, shape: tuple[int, ...]) -> ConditionalFlow:
        """Make a new model for a task's spec and observed sounds of ``shape``."""
        settings, values = self.field, spec.width
        encoder = self.encoder
        out = encoder.out if isinstance(encoder, NoteEncoderSettings) else encoder.width
        sizes = settings.model_dump(exclude={"kind", "tokens"})
        field: DiffusionTransformer | ResidualNetwork
        match settings:
            case Param2TokFieldSettings():
                tokens = Param2Tok(values, settings.tokens, settings.width)
                field = DiffusionTransformer(values, tokens, out, **sizes)
            case UnitFieldSettings():
                units = UnitTokens(Layout.of(spec), settings.width)
                field = DiffusionTransformer(values, units, out, **sizes)
            case MLPFieldSettings():
                field = ResidualNetwork(values, out, **sizes)
        known_width = values if self.told else None
        conditioner = encoder.build(shape, settings.layers, out)
        return ConditionalFlow(conditioner, field, out, known_width)


class RegressionArchitecture(_Architecture):
    """Sizes of :class:`PatchRegression`: an encoder with one query, whose vector is the patch."""

    kind: Literal["regression"]

    def build(self, spec: Spec, shape: tuple[int, ...]) -> PatchRegression:
        """Make a new model for a task's spec and observed sounds of ``shape``."""
        return PatchRegression(self.encoder.build(shape, 1, spec.width))


class VAEArchitecture(StrictSettings):
    """Sizes of :class:`VAERealNVP`."""

    kind: Literal["vae-realnvp"]
    #: Channels of the convolutions, each of which halves bands and frames.
    channels: tuple[Size, ...] = Field(min_length=1, max_length=16)
    #: Layers of the RealNVP on the latent vector.
    latent_layers: Layers
    #: Layers of the RealNVP from the latent vector to the parameters.
    parameter_layers: Layers
    #: Width of the network in each layer.
    coupling_width: Size
    #: Residual blocks of that network.
    coupling_blocks: Layers
    #: Weight of the latent loss at the start and at the end.
    beta: tuple[Weight, Weight] = (0.02, 0.04)
    #: Steps from the first weight to the last.
    beta_steps: Count = 60_000

    @property
    def observation(self) -> Observation:
        """The observation that the encoder takes."""
        return Observation.LOG_MEL

    def observed_shape(self, task: Task) -> tuple[int, ...]:
        """Compute the shape of a task's observed sounds."""
        return self.observation.shape(task.channels, task.sample_rate)

    def build(self, spec: Spec, shape: tuple[int, ...]) -> VAERealNVP:
        """Make a new model for a task's spec and observed sounds of ``shape``."""
        channels, bands, frames = shape
        groups = tuple((s.start, s.stop) for s in spec.slices if s.stop - s.start > 1)
        sizes = self.model_dump(exclude={"kind", "channels"})
        return VAERealNVP(
            (channels, bands, frames), spec.width, groups, widths=self.channels, **sizes
        )


Architecture = Annotated[
    FlowArchitecture | RegressionArchitecture | VAEArchitecture, Field(discriminator="kind")
]
