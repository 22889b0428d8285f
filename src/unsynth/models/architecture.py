"""The sizes of a model, as experiment files and weight files write them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

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

#: What can be trained, and asked about a sound.
Model = ConditionalFlow | PatchRegression | VAERealNVP


class StrictSettings(BaseModel):
    """Fields that are checked; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Transformer(StrictSettings):
    width: PositiveInt
    heads: PositiveInt
    layers: PositiveInt
    feed_forward: PositiveInt

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "_Transformer":
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        return self


class SpectrogramEncoderSettings(_Transformer):
    """Sizes of :class:`SpectrogramTransformer`; patch and stride are (bands, frames)."""

    kind: Literal["log-mel"]
    patch: tuple[PositiveInt, PositiveInt]
    stride: tuple[PositiveInt, PositiveInt]

    @model_validator(mode="after")
    def _patches_touch(self) -> "SpectrogramEncoderSettings":
        if any(s > p for s, p in zip(self.stride, self.patch, strict=True)):
            raise ValueError(
                f"a stride of {self.stride} skips cells between patches of {self.patch}"
            )
        return self

    def build(self, shape: tuple[int, ...], queries: int, out: int) -> SpectrogramTransformer:
        """Make a new encoder of spectrograms of ``shape``."""
        channels, bands, frames = shape
        sizes = self.model_dump(exclude={"kind"})
        return SpectrogramTransformer((channels, bands, frames), queries, out, **sizes)


class NoteEncoderSettings(StrictSettings):
    """Sizes of :class:`NoteEncoder`; ``out`` is the width of the vectors for the field."""

    kind: Literal["note", "windows"]
    directions: PositiveInt
    width: PositiveInt
    layers: PositiveInt
    feed_forward: PositiveInt
    out: PositiveInt
    #: Sounds that the whitening is found from, before the first step.
    sounds: PositiveInt = 2048

    def build(self, shape: tuple[int, ...], queries: int, out: int) -> NoteEncoder:
        """Make a new encoder of notes."""
        sizes = self.model_dump(exclude={"kind", "sounds", "out"})
        return NoteEncoder(shape[0], Observation(self.kind).note_values, queries, out, **sizes)


EncoderSettings = Annotated[
    SpectrogramEncoderSettings | NoteEncoderSettings, Field(discriminator="kind")
]


class _Conditioned(StrictSettings):
    modulation: PositiveInt
    time: PositiveInt
    data_variance: float | None = Field(None, gt=0.01)


class Param2TokFieldSettings(_Transformer, _Conditioned):
    """Sizes of :class:`DiffusionTransformer` with :class:`Param2Tok`."""

    kind: Literal["param2tok"]
    tokens: PositiveInt


class UnitFieldSettings(_Transformer, _Conditioned):
    """Sizes of :class:`DiffusionTransformer` with :class:`UnitTokens` of the task's units."""

    kind: Literal["units"]


class MLPFieldSettings(_Conditioned):
    """Sizes of :class:`ResidualNetwork`."""

    kind: Literal["mlp"]
    width: PositiveInt
    layers: PositiveInt
    feed_forward: PositiveInt


class _Architecture(StrictSettings):
    encoder: EncoderSettings

    @property
    def observation(self) -> Observation:
        """What the encoder sees."""
        return Observation(self.encoder.kind)

    def observed_shape(self, task: Task) -> tuple[int, ...]:
        """Find the shape of a task's observed sounds."""
        return self.observation.shape(task.channels, task.sample_rate)


class FlowArchitecture(_Architecture):
    """Sizes of :class:`ConditionalFlow`."""

    kind: Literal["flow"]
    #: Whether it is told of known parameters (:meth:`ConditionalFlow.tell`).
    told: bool = False
    field: Annotated[
        Param2TokFieldSettings | UnitFieldSettings | MLPFieldSettings, Field(discriminator="kind")
    ]

    def build(self, spec: Spec, shape: tuple[int, ...]) -> ConditionalFlow:
        """Make a new model for a task's vectors and observed sounds of ``shape``."""
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
        told = values if self.told else None
        return ConditionalFlow(encoder.build(shape, settings.layers, out), field, out, told)


class RegressionArchitecture(_Architecture):
    """An encoder with one query, whose vector is the patch."""

    kind: Literal["regression"]

    def build(self, spec: Spec, shape: tuple[int, ...]) -> PatchRegression:
        """Make a new model for a task's vectors and observed sounds of ``shape``."""
        return PatchRegression(self.encoder.build(shape, 1, spec.width))


class VAEArchitecture(StrictSettings):
    """Sizes of :class:`VAERealNVP`."""

    kind: Literal["vae-realnvp"]
    #: Of the convolutions, each of which halves bands and frames.
    channels: tuple[PositiveInt, ...]
    #: RealNVP layers on the latent vector, and from it to the parameters.
    latent_layers: PositiveInt
    parameter_layers: PositiveInt
    coupling_width: PositiveInt
    coupling_blocks: PositiveInt
    #: Weight of the latent loss at the start, at the end, and the steps in between.
    beta: tuple[float, float] = (0.02, 0.04)
    beta_steps: PositiveInt = 60_000

    @property
    def observation(self) -> Observation:
        """What the encoder sees."""
        return Observation.LOG_MEL

    def observed_shape(self, task: Task) -> tuple[int, ...]:
        """Find the shape of a task's observed sounds."""
        return self.observation.shape(task.channels, task.sample_rate)

    def build(self, spec: Spec, shape: tuple[int, ...]) -> VAERealNVP:
        """Make a new model for a task's vectors and observed sounds of ``shape``."""
        channels, bands, frames = shape
        groups = tuple((s.start, s.stop) for s in spec.slices if s.stop - s.start > 1)
        sizes = self.model_dump(exclude={"kind", "channels"})
        return VAERealNVP(
            (channels, bands, frames), spec.width, groups, widths=self.channels, **sizes
        )


Architecture = Annotated[
    FlowArchitecture | RegressionArchitecture | VAEArchitecture, Field(discriminator="kind")
]
