"""Which parameters of a declared task's patch are audible."""

import numpy as np
from jaxtyping import Bool, Float

from unsynth.tasks.declared.declaration import ConditionDeclaration, Declaration
from unsynth.tasks.note import ends_within_sound, read_note


def active_parameters(
    declaration: Declaration, patch: Float[np.ndarray, " parameters"]
) -> Bool[np.ndarray, " parameters"]:
    """Say which parameters are audible, by the conditions that the file declares.

    A condition on parameters that are themselves inaudible does not hold. The duration is audible
    if the note ends within the sound.
    """
    released = ends_within_sound(read_note(patch))
    values = patch.tolist()
    cache: dict[int, bool] = {}

    def audible(position: int) -> bool:
        if position not in cache:
            parameter = declaration.parameters[position]
            cache[position] = not parameter.inert and (
                not parameter.audible_if or any(all(map(holds, c)) for c in parameter.audible_if)
            )
        return cache[position]

    def holds(condition: ConditionDeclaration) -> bool:
        if not condition.positions:
            return released
        return any(condition.holds(values[at]) and audible(at) for at in condition.positions)

    active = np.array([audible(i) for i in range(len(declaration.parameters))])
    active[-1] = released
    return active
