"""What a task file says of one parameter."""

from collections.abc import Callable
from dataclasses import dataclass

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True)
class Condition:
    """One parameter's value (or that of any of several) among these; no position: released."""

    positions: tuple[int, ...]
    values: tuple[float, ...] = ()
    #: Instead of values: a comparison with a number.
    comparison: str = ""
    number: float = 0.0

    def holds(self, value: float) -> bool:
        """Say whether a value is one of those meant."""
        if self.comparison:
            return _COMPARE[self.comparison](value, self.number)
        return value in self.values


@dataclass(frozen=True)
class Declared:
    """What a file says of one parameter beyond its place in the vector."""

    #: The engine's name; ``None`` for the note.
    control: str | None
    #: Raw values of a category's choices, or those at a number's low and high end.
    raw: tuple[float, ...] | None
    #: Relative frequencies of the choices or whole numbers; equal where empty.
    weights: tuple[float, ...]
    #: Probabilities of single values.
    points: tuple[tuple[float, float], ...]
    #: Heard if, of one of these, all conditions hold; always where empty.
    heard: tuple[tuple[Condition, ...], ...]
    inert: bool
    neutral: float
    #: The unit whose copies the choices name, and the copy (from 0) of each choice or -1.
    refers: tuple[str, tuple[int, ...]] | None
