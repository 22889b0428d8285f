"""Parameters that a user holds to a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float

from unsynth.errors import PatchError
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.task import Task

#: What people call the pitch of the note.
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
            parameter = self.task.spec.parameters[_position(self.task, name)]
            if not parameter.valid(np.array([value])).all():
                if isinstance(parameter, Categorical):
                    raise PatchError(f"{name}: {value:g} is not the number of one of its choices")
                whole = "whole numbers " if isinstance(parameter, Integer) else ""
                raise PatchError(
                    f"{name}: {value:g} is out of range; {self.task.name} has {whole}"
                    f"{parameter.low:g} to {parameter.high:g}"
                )

    @classmethod
    def read(cls, task: Task, values: Mapping[str, int | float | str]) -> "Locks":
        """Read values as a user gives them.

        A category's value is the name of its choice; ``note`` is short for ``note.pitch``. Raises
        :class:`PatchError` for a name or a value that the task does not have.
        """
        named = {_SHORT_NAMES.get(name, name): value for name, value in values.items()}
        return cls(task, {name: _number(task, name, value) for name, value in named.items()})

    @property
    def positions(self) -> list[int]:
        """Where the locked parameters stand in a patch."""
        return [self.task.spec.position[name] for name in self.values]

    def hold(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with the locked values."""
        held = patch.copy()
        held[self.positions] = list(self.values.values())
        return held


def _position(task: Task, name: str) -> int:
    spec = task.spec
    if name not in spec.position:
        near = get_close_matches(name, spec.names, 1, cutoff=0.0)[0]
        raise PatchError(f"{name}: {task.name} has no parameter of this name; is it {near}?")
    return spec.position[name]


def _number(task: Task, name: str, value: int | float | str) -> float:
    parameter = task.spec.parameters[_position(task, name)]
    if isinstance(parameter, Categorical):
        if str(value) not in parameter.choices:
            raise PatchError(f"{name}: {value} is not one of {', '.join(parameter.choices)}")
        return float(parameter.choices.index(str(value)))
    try:
        number = float(value)
    except ValueError:
        raise PatchError(f"{name}: {value!r} is not a number") from None
    if isinstance(parameter, Continuous) and parameter.valid(np.array([number])).all():
        number = float(parameter.quantise(np.array([number]))[0])
    return number
