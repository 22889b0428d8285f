"""Parameters that a user holds: values by name, as the spec counts them (a category its index)."""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np
from jaxtyping import Float

from unsynth.errors import PatchError
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.spec import Spec
from unsynth.tasks.task import Task

#: What people call the pitch of the note.
_SHORT_NAMES = {"note": "note.pitch"}


def read_locks(task: Task, wanted: Mapping[str, int | float | str]) -> dict[str, float]:
    """Check values by name and count them as the spec does.

    A category is given by its choice's name; ``note`` is short for ``note.pitch``. Raises
    :class:`PatchError` for a name or a value that the task has not.
    """
    return dict(_read(task, name, value) for name, value in wanted.items())


def hold(
    spec: Spec, patch: Float[np.ndarray, " parameters"], locked: Mapping[str, float]
) -> Float[np.ndarray, " parameters"]:
    """Copy a patch with the locked values."""
    held = patch.copy()
    held[[spec.position[name] for name in locked]] = list(locked.values())
    return held


def _read(task: Task, name: str, value: int | float | str) -> tuple[str, float]:
    spec = task.spec
    name = _SHORT_NAMES.get(name, name)
    if name not in spec.position:
        near = get_close_matches(name, spec.names, 1, cutoff=0.0)[0]
        raise PatchError(f"{name}: {task.name} has no parameter of this name; is it {near}?")
    parameter = spec.parameters[spec.position[name]]
    if isinstance(parameter, Categorical):
        if str(value) not in parameter.choices:
            raise PatchError(f"{name}: {value} is not one of {', '.join(parameter.choices)}")
        return name, float(parameter.choices.index(str(value)))
    try:
        number = float(value)
    except ValueError:
        raise PatchError(f"{name}: {value!r} is not a number") from None
    if not parameter.valid(np.array([number])).all():
        whole = "whole numbers " if isinstance(parameter, Integer) else ""
        raise PatchError(
            f"{name}: {number:g} is out of range; {task.name} has {whole}"
            f"{parameter.low:g} to {parameter.high:g}"
        )
    if isinstance(parameter, Continuous):
        number = float(parameter.quantise(np.array([number]))[0])
    return name, number
