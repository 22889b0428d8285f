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

    Controls in ``unheard`` with a value that the task never gives them become neutral. Raises
    :class:`PatchError` that names any other such control, and one that is missing.
    """
    names = [p.control for p in declaration.parameters if p.control is not None]
    missing = [name for name in [*names, *declaration.fixed] if name not in controls]
    if missing:
        raise PatchError(f"this patch has no {missing[0]} ({len(missing)} controls are missing)")
    for name, value in declaration.fixed.items():
        if name not in unheard and abs(controls[name] - value) > _FIXED_TOLERANCE * max(
            1.0, abs(value)
        ):
            raise PatchError(
                f"{name} is {controls[name]:g} in this patch, and always {value:g} in the task "
                f"{declaration.name}"
            )
    patch = np.zeros(len(declaration.parameters))
    columns = zip(declaration.spec.parameters, declaration.parameters, strict=True)
    for i, (parameter, declared) in enumerate(columns):
        if declared.control is not None:
            raw = controls[declared.control]
            try:
                patch[i] = _from_raw(parameter, declared, raw)
            except PatchError as error:
                if declared.control in unheard:
                    patch[i] = declared.neutral
                    continue
                raise PatchError(
                    f"{declared.control} is {raw:g} in this patch; the task {declaration.name} "
                    f"has {error}"
                ) from None
    return patch


def raw_value(parameter: Parameter, declared: ParameterDeclaration, value: float) -> float:
    """Convert one value to what the engine is given."""
    raw = declared.raw
    if raw is None:
        return value
    if isinstance(parameter, Categorical):
        return raw[int(value)]
    share = (value - parameter.low) / (parameter.high - parameter.low)
    return round(raw[0] + share * (raw[1] - raw[0]), 9)


def _from_raw(parameter: Parameter, declared: ParameterDeclaration, raw: float) -> float:
    """Undo :func:`raw_value`. Raises :class:`PatchError` that says which values there are."""
    if isinstance(parameter, Categorical):
        values = np.array(declared.raw or np.arange(parameter.width))
        nearest = int(np.abs(values - raw).argmin())
        if not abs(values[nearest] - raw) <= _CHOICE_TOLERANCE:
            raise PatchError(", ".join(f"{value:g}" for value in values))
        return float(nearest)
    low, high = declared.raw or (parameter.low, parameter.high)
    value = parameter.low + (raw - low) / (high - low) * (parameter.high - parameter.low)
    step = parameter.step if isinstance(parameter, Continuous) else 1.0
    if not parameter.low - step <= value <= parameter.high + step:
        raise PatchError(f"{min(low, high):g} to {max(low, high):g}")
    if isinstance(parameter, Continuous):
        return parameter.nearest(value)
    if abs(value - round(value)) > _WHOLE_TOLERANCE:
        raise PatchError("whole steps only")
    return float(min(max(round(value), parameter.low), parameter.high))
