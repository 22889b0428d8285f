"""Values of a task's parameters as raw values of the engine's controls, and back."""

from collections.abc import Collection, Mapping

import numpy as np
from jaxtyping import Float

from unsynth.errors import PatchError
from unsynth.tasks.declared.declaration import Declaration, ParameterDeclaration
from unsynth.tasks.parameter import Categorical, Continuous, Parameter

#: Largest relative difference of a fixed control from its value, such as rounding to 32 bits.
_FIXED_TOLERANCE = 1e-5
#: Largest difference of a raw value from that of a choice.
_CHOICE_TOLERANCE = 1e-4
#: Largest difference of a value from a whole number.
_WHOLE_TOLERANCE = 1e-3


def controls_from_patch(
    declaration: Declaration, patch: Float[np.ndarray, " parameters"]
) -> dict[str, float]:
    """Compute the raw value of every control that the task sets."""
    controls = dict(declaration.fixed)
    columns = zip(declaration.spec.parameters, declaration.parameters, patch.tolist(), strict=True)
    for parameter, declared, value in columns:
        if declared.control is not None:
            controls[declared.control] = raw_value(parameter, declared, value)
    return controls


def patch_from_controls(
    declaration: Declaration, controls: Mapping[str, float], unheard: Collection[str] = ()
) -> Float[np.ndarray, " parameters"]:
    """Undo :func:`controls_from_patch`, to the nearest patch of the task; the note is left 0.

    Raises :class:`PatchError` that names a control with a value that the task never gives it, and
    one that is missing. Controls in ``unheard`` may have any value.
    """
    patch, differences = nearest_patch(declaration, controls, unheard)
    if differences:
        raise PatchError(differences[0])
    return patch


def nearest_patch(
    declaration: Declaration, controls: Mapping[str, float], unheard: Collection[str] = ()
) -> tuple[Float[np.ndarray, " parameters"], list[str]]:
    """Find the patch of the task that is nearest to values of controls; the note is left 0.

    Also says of each control with a value that the task never gives it what the task has instead.
    Those in ``unheard`` become neutral without a word. Raises :class:`PatchError` that names a
    control that is missing.
    """
    names = [p.control for p in declaration.parameters if p.control is not None]
    missing = [name for name in [*names, *declaration.fixed] if name not in controls]
    if missing:
        raise PatchError(f"this patch has no {missing[0]} ({len(missing)} controls are missing)")
    differences = [
        f"{name} is {controls[name]:g} in this patch, and always {value:g} in the task "
        f"{declaration.name}"
        for name, value in declaration.fixed.items()
        if name not in unheard
        and abs(controls[name] - value) > _FIXED_TOLERANCE * max(1.0, abs(value))
    ]
    patch = np.zeros(len(declaration.parameters))
    columns = zip(declaration.spec.parameters, declaration.parameters, strict=True)
    for i, (parameter, declared) in enumerate(columns):
        if declared.control is not None:
            raw = controls[declared.control]
            patch[i], allowed = _from_raw(parameter, declared, raw)
            if allowed and declared.control in unheard:
                patch[i] = declared.neutral
            elif allowed:
                differences.append(
                    f"{declared.control} is {raw:g} in this patch; the task {declaration.name} "
                    f"has {allowed}"
                )
    return patch, differences


def raw_value(parameter: Parameter, declared: ParameterDeclaration, value: float) -> float:
    """Convert one value to what the engine is given."""
    raw = declared.raw
    if raw is None:
        return value
    if isinstance(parameter, Categorical):
        return raw[int(value)]
    share = (value - parameter.low) / (parameter.high - parameter.low)
    return round(raw[0] + share * (raw[1] - raw[0]), 9)


def _from_raw(
    parameter: Parameter, declared: ParameterDeclaration, raw: float
) -> tuple[float, str]:
    """Undo :func:`raw_value`, to the nearest value. If it is not near, say which values there are.

    A choice that the task does not have becomes the neutral one.
    """
    if isinstance(parameter, Categorical):
        values = np.array(declared.raw or np.arange(parameter.width))
        nearest = int(np.abs(values - raw).argmin())
        if not abs(values[nearest] - raw) <= _CHOICE_TOLERANCE:
            return declared.neutral, ", ".join(f"{value:g}" for value in values)
        return float(nearest), ""
    low, high = declared.raw or (parameter.low, parameter.high)
    value = parameter.low + (raw - low) / (high - low) * (parameter.high - parameter.low)
    step = parameter.step if isinstance(parameter, Continuous) else 1.0
    allowed = ""
    if not parameter.low - step <= value <= parameter.high + step:
        allowed = f"{min(low, high):g} to {max(low, high):g}"
    if isinstance(parameter, Continuous):
        return parameter.nearest(value), allowed
    if not allowed and abs(value - round(value)) > _WHOLE_TOLERANCE:
        allowed = "whole steps only"
    return float(min(max(round(value), parameter.low), parameter.high)), allowed
