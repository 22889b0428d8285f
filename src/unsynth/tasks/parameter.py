"""The kinds of parameters, and their coordinates in the vector that a model sees.

The paper (section 4.2) scales every scalar to [-1, 1] and writes discrete and categorical values
as one-hots. Here a category is a one-hot of +1 and -1, so all coordinates have the same range. An
integer is one coordinate: its value is a bin of [-1, 1], encoded by the middle of the bin. For
training, uniform noise within the bin makes the density continuous (uniform dequantisation:
L. Theis, A. van den Oord, M. Bethge, "A note on the evaluation of generative models", ICLR 2016).
Rounding removes the noise.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from unsynth.errors import TaskError

#: The most values of an integer: each has its own probability in the prior.
MOST_VALUES = 65_536
#: The most choices of a category: each is a coordinate of the vector.
MOST_CHOICES = 1_024
#: The largest number in a range, in size; products of a few such numbers are still finite.
LARGEST = 1e12


@dataclass(frozen=True)
class Integer:
    """A whole number from ``low`` to ``high``, both included, such as a level from 0 to 99."""

    name: str
    low: int
    high: int
    unit: str = ""

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise TaskError(f"{self.name}: low {self.low} is not below high {self.high}")
        if max(abs(self.low), abs(self.high)) > LARGEST or self.count > MOST_VALUES:
            raise TaskError(
                f"{self.name}: {self.low} to {self.high} are more than {MOST_VALUES:,} values; "
                "make it continuous"
            )

    @cached_property
    def width(self) -> int:
        """Coordinates in the vector: 1."""
        return 1

    @cached_property
    def count(self) -> int:
        """Number of values."""
        return self.high - self.low + 1

    def encode(
        self, values: Float[np.ndarray, " items"], uniform: Float[np.ndarray, " items"]
    ) -> Float[np.ndarray, "items 1"]:
        """Map values to [-1, 1]; ``uniform`` in [0, 1) is the place in the bin (0.5: middle)."""
        return ((values - self.low + uniform) * (2.0 / self.count) - 1.0)[:, None]

    def decode(self, x: Float[np.ndarray, "items 1"]) -> Float[np.ndarray, " items"]:
        """Round to the nearest value; coordinates outside [-1, 1] give an end of the range."""
        bins = np.floor((x[:, 0] + 1.0) * (self.count / 2.0))
        return np.clip(bins, 0, self.count - 1) + self.low

    def valid(self, values: Float[np.ndarray, " items"]) -> np.ndarray:
        """Say which values are whole numbers in range."""
        return (values >= self.low) & (values <= self.high) & (values == np.floor(values))


@dataclass(frozen=True)
class Continuous:
    """A number from ``low`` to ``high`` in multiples of ``step``, on a linear or log scale.

    ``step`` is the finest difference worth storing, such as 0.001 s, and 1 divided by a whole
    number; with it, encoding and decoding are an exact round trip.
    """

    name: str
    low: float
    high: float
    step: float
    log: bool = False
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise TaskError(f"{self.name}: low {self.low} is not below high {self.high}")
        if not max(abs(self.low), abs(self.high)) <= LARGEST:
            raise TaskError(
                f"{self.name}: {self.low} to {self.high} is not within {-LARGEST:g} to {LARGEST:g}"
            )
        if not self.step > 0:
            raise TaskError(f"{self.name}: step {self.step} is not above 0")
        # `quantise` counts steps per unit, and 64 bits of a float count up to 2^53 exactly.
        per_unit = 1.0 / self.step
        if not (0.5 < per_unit <= LARGEST) or abs(per_unit - round(per_unit)) > 1e-6 * per_unit:
            raise TaskError(
                f"{self.name}: step {self.step} is not 1 divided by a whole number, such as 0.001"
            )
        if self.log and self.low < 1.0 / LARGEST:
            raise TaskError(f"{self.name}: a log scale needs low above 0, not {self.low}")

    @cached_property
    def width(self) -> int:
        """Coordinates in the vector: 1."""
        return 1

    def quantise(self, values: np.ndarray) -> np.ndarray:
        """Round to the nearest multiple of ``step`` within the range."""
        per_unit = round(1.0 / self.step)
        return np.clip(np.round(values * per_unit) / per_unit, self.low, self.high)

    def nearest(self, value: float) -> float:
        """Round one value as :meth:`quantise` does."""
        return float(self.quantise(np.array([value]))[0])

    def encode(
        self, values: Float[np.ndarray, " items"], uniform: Float[np.ndarray, " items"]
    ) -> Float[np.ndarray, "items 1"]:
        """Map values to [-1, 1]; ``uniform`` is ignored, since the density is continuous."""
        if self.log:
            unit = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            unit = (values - self.low) / (self.high - self.low)
        return (2.0 * unit - 1.0)[:, None]

    def decode(self, x: Float[np.ndarray, "items 1"]) -> Float[np.ndarray, " items"]:
        """Undo :meth:`encode`, and round to ``step``."""
        unit = (np.clip(x[:, 0], -1.0, 1.0) + 1.0) / 2.0
        if self.log:
            return self.quantise(self.low * np.exp(unit * math.log(self.high / self.low)))
        return self.quantise(self.low + unit * (self.high - self.low))

    def valid(self, values: Float[np.ndarray, " items"]) -> np.ndarray:
        """Say which values are in range."""
        return (values >= self.low) & (values <= self.high)


@dataclass(frozen=True)
class Categorical:
    """One of several named choices without an order, such as a waveform."""

    name: str
    choices: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.choices) < 2 or len(set(self.choices)) != len(self.choices):
            raise TaskError(f"{self.name}: needs two or more choices, all different")
        if len(self.choices) > MOST_CHOICES:
            raise TaskError(f"{self.name}: {len(self.choices)} choices, at most {MOST_CHOICES:,}")

    @cached_property
    def width(self) -> int:
        """Coordinates in the vector: one per choice."""
        return len(self.choices)

    def encode(
        self, values: Float[np.ndarray, " items"], uniform: Float[np.ndarray, " items"]
    ) -> Float[np.ndarray, "items choices"]:
        """Encode the index as a one-hot: +1 among -1; ``uniform`` is ignored."""
        return 2.0 * np.eye(self.width)[values.astype(int)] - 1.0

    def decode(self, x: Float[np.ndarray, "items choices"]) -> Float[np.ndarray, " items"]:
        """Return the index of the largest coordinate."""
        return x.argmax(axis=1).astype(np.float64)

    def valid(self, values: Float[np.ndarray, " items"]) -> np.ndarray:
        """Say which values are the index of a choice."""
        return (values >= 0) & (values < self.width) & (values == np.floor(values))


Parameter = Integer | Continuous | Categorical
