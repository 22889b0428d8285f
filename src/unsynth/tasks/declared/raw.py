"""Values as the plugin counts them, to and from a task's own."""

import numpy as np

from unsynth.errors import PatchError
from unsynth.tasks.declared.declaration import Declared
from unsynth.tasks.parameter import Categorical, Continuous, Parameter


def quantised(parameter: Continuous, value: float) -> float:
    return float(parameter.quantise(np.array([value]))[0])


def to_raw(parameter: Parameter, declared: Declared, value: float) -> float:
    raw = declared.raw
    if raw is None:
        return value
    if isinstance(parameter, Categorical):
        return raw[int(value)]
    share = (value - parameter.low) / (parameter.high - parameter.low)
    return round(raw[0] + share * (raw[1] - raw[0]), 9)


def from_raw(parameter: Parameter, declared: Declared, raw: float, task: str) -> float:
    name, ends = declared.control, declared.raw
    if isinstance(parameter, Categorical):
        known = np.array(ends if ends is not None else np.arange(parameter.width))
        nearest = int(np.abs(known - raw).argmin())
        if not abs(known[nearest] - raw) <= 1e-4:
            raise PatchError(
                f"{name} is {raw:g} in this patch; the task {task} has "
                f"{', '.join(f'{k:g}' for k in known)}"
            )
        return float(nearest)
    low, high = ends if ends is not None else (parameter.low, parameter.high)
    value = parameter.low + (raw - low) / (high - low) * (parameter.high - parameter.low)
    step = parameter.step if isinstance(parameter, Continuous) else 1.0
    if not parameter.low - step <= value <= parameter.high + step:
        raise PatchError(
            f"{name} is {raw:g} in this patch; the task {task} has {min(low, high):g} to "
            f"{max(low, high):g}"
        )
    if isinstance(parameter, Continuous):
        return quantised(parameter, value)
    if abs(value - round(value)) > 1e-3:
        raise PatchError(f"{name} is {raw:g} in this patch; the task {task} has whole steps only")
    return float(min(max(round(value), parameter.low), parameter.high))
