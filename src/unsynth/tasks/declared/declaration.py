"""The content of a task file, after it is read and checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from unsynth.tasks.spec import Spec

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


@dataclass(frozen=True)
class ConditionDeclaration:
    """A condition on the value at any of some positions in a patch.

    Without positions, the condition is that the note is released within the sound.
    """

    positions: tuple[int, ...]
    #: Values that meet the condition.
    values: tuple[float, ...] = ()
    #: In place of values: a comparison with ``number``, such as ``">="``.
    comparison: str = ""
    number: float = 0.0

    def holds(self, value: float) -> bool:
        """Say whether a value meets the condition."""
        if self.comparison:
            return _COMPARISONS[self.comparison](value, self.number)
        return value in self.values


@dataclass(frozen=True)
class ParameterDeclaration:
    """Everything that a file declares of one parameter besides its part of the spec."""

    #: The engine's name of the parameter; ``None`` for the note.
    control: str | None
    #: Raw values of a category's choices, or those at the low and high end of a number.
    raw: tuple[float, ...] | None
    #: Relative frequencies of choices or whole numbers; if empty, all are equally likely.
    weights: tuple[float, ...]
    #: Pairs (value, probability) of single values.
    points: tuple[tuple[float, float], ...]
    #: The parameter is audible if all conditions of any of these hold; if empty, always.
    audible_if: tuple[tuple[ConditionDeclaration, ...], ...]
    #: Whether the parameter never changes the sound.
    inert: bool
    #: Value of the parameter where it is inaudible.
    neutral: float
    #: For choices that name copies of a unit: its name, and for each choice a copy from 0, or -1.
    copies: tuple[str, tuple[int, ...]] | None


@dataclass(frozen=True)
class Declaration:
    """The content of a task file; its keys are described in ``docs/use/tasks.md``."""

    name: str
    synth: str
    #: Settings of the engine.
    engine: Mapping[str, Any]
    spec: Spec
    #: One for each parameter of the spec, in order.
    parameters: tuple[ParameterDeclaration, ...]
    #: Raw values of the controls that are the same in every patch.
    fixed: Mapping[str, float]
    #: Conditions under which the copies of each unit may change places; ``None``: never.
    exchange: Mapping[str, tuple[ConditionDeclaration, ...] | None]
    #: If set, notes start and end within this many seconds, drawn together.
    note_within: float | None
    #: The path of a ``symmetry.json``, from the file's folder.
    symmetry: str | None
