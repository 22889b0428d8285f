"""Locks: parameters that a user holds at a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from unsynth.errors import PatchError
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: Short names of parameters, for users.
_SHORT_NAMES = {"note": "note.pitch"}


@dataclass(frozen=True)
class Locks:
    """Locked values by parameter name; a category's value is the index of its choice.

    Raises :class:`PatchError` for a name or a value that the task does not have.
    """

    task: Task
    values: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            parameter = _parameter(self.task, name)
            if parameter.valid(np.array([value])).all():
                continue
            if isinstance(parameter, Categorical):
                raise PatchError(
                    f"{name}: {value:g} is not the index of a choice, 0 to {parameter.width - 1}"
                )
            whole = "whole numbers " if isinstance(parameter, Integer) else ""
            raise PatchError(
                f"{name}: {value:g} is out of range; {self.task.name} has {whole}"
                f"{parameter.low:g} to {parameter.high:g}"
            )

    @classmethod
    def read(cls, task: Task, values: Mapping[str, int | float | str]) -> "Locks":
        """Read values as a user gives them.

        A category's value is the name of its choice; ``note`` is short for ``note.pitch``. Raises
        :class:`PatchError` for a name or a value that the task does not have, and for two values of
        one parameter.
        """
        read: dict[str, float] = {}
        for given, text in values.items():
            name = _SHORT_NAMES.get(given, given)
            value = _value(task, name, text)
            if name in read and read[name] != value:
                raise PatchError(f"{given}: {text} and {read[name]:g} are locked: give one of them")
            read[name] = value
        return cls(task, read)

    @property
    def positions(self) -> list[int]:
        """Positions of the locked parameters in a patch."""
        return [self.task.spec.position[name] for name in self.values]

    def hold(self, patch: Patch) -> Patch:
        """Copy a patch with the locked values."""
        held = patch.copy()
        held[self.positions] = list(self.values.values())
        return held


def _parameter(task: Task, name: str) -> Parameter:
    spec = task.spec
    if name not in spec.position:
        nearest = get_close_matches(name, spec.names, 1, cutoff=0.0)[0]
        raise PatchError(f"{name}: {task.name} has no parameter of this name; is it {nearest}?")
    return spec.parameters[spec.position[name]]


def _value(task: Task, name: str, value: int | float | str) -> float:
    """Read one value; a continuous one within the range is rounded to the parameter's step."""
    parameter = _parameter(task, name)
    if isinstance(parameter, Categorical):
        if str(value) not in parameter.choices:
            raise PatchError(f"{name}: {value} is not one of {', '.join(parameter.choices)}")
        return float(parameter.choices.index(str(value)))
    try:
        number = float(value)
    except ValueError:
        raise PatchError(f"{name}: {value!r} is not a number") from None
    if isinstance(parameter, Continuous) and parameter.valid(np.array([number])).all():
        number = parameter.nearest(number)
    return number
