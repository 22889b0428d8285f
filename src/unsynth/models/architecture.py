"""The sizes of a model, as experiment files and weight files write them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from unsynth.audio.observation import Observation
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.encoders import NoteEncoder, SpectrogramTransformer
from unsynth.models.vector_fields import DiffusionTransformer
from unsynth.tasks.task import Task


class Settings(BaseModel):
    """Fields that are checked; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Transformer(Settings):
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


class NoteEncoderSettings(Settings):
    """Sizes of :class:`NoteEncoder`; ``out`` is the width of the vectors for the field."""

    kind: Literal["note"]
    directions: PositiveInt
    width: PositiveInt
    layers: PositiveInt
    feed_forward: PositiveInt
    out: PositiveInt
    #: Sounds that the whitening is found from, before the first step.
    sounds: PositiveInt = 2048


class FieldSettings(_Transformer):
    """Sizes of :class:`DiffusionTransformer`."""

    tokens: PositiveInt
    modulation: PositiveInt
    time: PositiveInt
    data_variance: float | None = Field(None, gt=0.01)


class Architecture(Settings):
    """Sizes of :class:`ConditionalFlow`."""

    encoder: Annotated[
        SpectrogramEncoderSettings | NoteEncoderSettings, Field(discriminator="kind")
    ]
    field: FieldSettings

    @property
    def observation(self) -> Observation:
        """What the encoder sees."""
        return Observation(self.encoder.kind)

    def observed_shape(self, task: Task) -> tuple[int, ...]:
        """Find the shape of a task's observed sounds."""
        synth = task.synth()
        return self.observation.shape(synth.channels, synth.sample_rate)

    def build(self, values: int, shape: tuple[int, ...]) -> ConditionalFlow:
        """Make a new model for vectors of ``values`` and observed sounds of ``shape``."""
        sizes, layers = self.encoder, self.field.layers
        encoder: SpectrogramTransformer | NoteEncoder
        if isinstance(sizes, NoteEncoderSettings):
            out = sizes.out
            encoder = NoteEncoder(layers, **sizes.model_dump(exclude={"kind", "sounds"}))
        else:
            out = sizes.width
            channels, bands, frames = shape
            size = (channels, bands, frames)
            encoder = SpectrogramTransformer(
                size, queries=layers, out=out, **sizes.model_dump(exclude={"kind"})
            )
        field = DiffusionTransformer(values, conditioning=out, **self.field.model_dump())
        return ConditionalFlow(encoder, field, out)
