"""The sizes of a model, as experiment files and weight files write them."""

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, model_validator

from unsynth.audio.mel import LOG_MEL
from unsynth.conventions import SECONDS
from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.encoders import SpectrogramTransformer
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


class EncoderSettings(_Transformer):
    """Sizes of :class:`SpectrogramTransformer`; patch and stride are (bands, frames)."""

    patch: tuple[PositiveInt, PositiveInt]
    stride: tuple[PositiveInt, PositiveInt]

    @model_validator(mode="after")
    def _patches_touch(self) -> "EncoderSettings":
        if any(s > p for s, p in zip(self.stride, self.patch, strict=True)):
            raise ValueError(
                f"a stride of {self.stride} skips cells between patches of {self.patch}"
            )
        return self


class FieldSettings(_Transformer):
    """Sizes of :class:`DiffusionTransformer`."""

    tokens: PositiveInt
    modulation: PositiveInt
    time: PositiveInt
    data_variance: PositiveFloat | None = None


class Architecture(Settings):
    """Sizes of :class:`ConditionalFlow`."""

    encoder: EncoderSettings
    field: FieldSettings

    def build(self, values: int, spectrogram: tuple[int, int, int]) -> ConditionalFlow:
        """Make a new model for vectors of ``values`` and (channels, bands, frames)."""
        encoder = SpectrogramTransformer(
            spectrogram,
            queries=self.field.layers,
            out=self.encoder.width,
            **self.encoder.model_dump(),
        )
        field = DiffusionTransformer(
            values, conditioning=self.encoder.width, **self.field.model_dump()
        )
        return ConditionalFlow(encoder, field)


def spectrogram_size(task: Task) -> tuple[int, int, int]:
    """Find (channels, bands, frames) of a task's sounds."""
    synth = task.synth()
    return synth.channels, LOG_MEL.bands, int(SECONDS * synth.sample_rate) // LOG_MEL.hop + 1
