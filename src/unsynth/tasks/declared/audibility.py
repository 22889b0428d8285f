"""Which parameters of a declared task's patch are audible."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from unsynth.tasks.declared.declaration import ConditionDeclaration, Declaration
from unsynth.tasks.note import ends_within_sound, read_note


@dataclass
class _Patch:
    """A patch of a declared task, and which of its parameters are known to be audible or not."""

    declaration: Declaration
    values: Sequence[float]
    released: bool
    known: dict[int, bool] = field(default_factory=dict)


def active_parameters(
    declaration: Declaration, patch: Float[np.ndarray, " parameters"]
) -> Bool[np.ndarray, " parameters"]:
    """Say which parameters are audible, by the conditions that the file declares.

    A condition on parameters that are themselves inaudible does not hold. The duration is audible
    if the note ends within the sound.
    """
    released = ends_within_sound(read_note(patch))
    asked = _Patch(declaration, patch.tolist(), released)
    active = np.array([_audible(i, asked) for i in range(len(declaration.parameters))])
    active[-1] = released
    return active


def _audible(position: int, patch: _Patch) -> bool:
    """Say whether one parameter is audible."""
    if position not in patch.known:
        parameter = patch.declaration.parameters[position]
        patch.known[position] = not parameter.inert and (
            not parameter.audible_if
            or any(all(_holds(one, patch) for one in every) for every in parameter.audible_if)
        )
    return patch.known[position]


def _holds(condition: ConditionDeclaration, patch: _Patch) -> bool:
    """Say whether a condition on audible parameters holds."""
    if not condition.positions:
        return patch.released
    return any(
        condition.holds(patch.values[at]) and _audible(at, patch) for at in condition.positions
    )
