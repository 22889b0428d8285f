"""The sizes of a model, as experiment files and weight files write them."""

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt, model_validator

from unsynth.models.conditional_flow import ConditionalFlow
from unsynth.models.encoders import SpectrogramTransformer
from unsynth.models.vector_fields import DiffusionTransformer


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
