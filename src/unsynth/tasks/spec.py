"""The ordered parameters of a task: patch <-> vector in [-1, 1]^d <-> named values."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from unsynth.documents import DocumentError, parse_yaml, shown
from unsynth.errors import PatchError, TaskError
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter

#: A patch: the value of every parameter of a task; a category's is the index of its choice.
Patch = Float[np.ndarray, " parameters"]
#: A patch by the names of its parameters; a category's value is the name of its choice.
NamedPatch = Mapping[str, int | float | str]

#: The longest name of a choice, in characters.
_LONGEST_CHOICE = 200
#: What the fields of a parameter are, and their types in the YAML.
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "low": ("a number", (int, float)),
    "high": ("a number", (int, float)),
    "step": ("a number", (int, float)),
    "log": ("true or false", (bool,)),
    "unit": ("text", (str,)),
    "choices": ("a list", (list, tuple)),
}
_KINDS = {"integer": Integer, "continuous": Continuous, "categorical": Categorical}


@dataclass(frozen=True)
class Unit:
    """A block of parameters that comes several times, such as an operator.

    ``members[i]`` holds the positions of the parameters of copy i, all copies in the same order.
    """

    name: str
    members: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Spec:
    """The parameters of a patch, in order, and the units among them.

    >>> spec = Spec((Integer("level", 0, 99), Categorical("wave", ("sine", "saw"))))
    >>> spec.encode(np.array([[99.0, 0.0]])).round(2)
    array([[ 0.99,  1.  , -1.  ]])
    """

    parameters: tuple[Parameter, ...]
    units: tuple[Unit, ...] = field(default=())

    def __post_init__(self) -> None:
        counts = Counter(p.name for p in self.parameters)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise TaskError(f"parameter named twice: {', '.join(twice[:3])}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(p.name for p in self.parameters)

    @cached_property
    def position(self) -> dict[str, int]:
        """Position of each parameter in a patch, by name."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def categorical(self) -> Bool[np.ndarray, " parameters"]:
        """Whether each parameter is a category."""
        return np.array([isinstance(p, Categorical) for p in self.parameters])

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """The coordinates of each parameter in a vector."""
        ends = np.cumsum([p.width for p in self.parameters]).tolist()
        return tuple(
            slice(end - p.width, end) for end, p in zip(ends, self.parameters, strict=True)
        )

    @cached_property
    def width(self) -> int:
        """Length d of the vector."""
        return sum(p.width for p in self.parameters)

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the layout: specs with the same hash encode patches in the same way."""
        layout = [[type(p).__name__, asdict(p)] for p in self.parameters]
        text = json.dumps([layout, [asdict(u) for u in self.units]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def _ranges(self) -> tuple[np.ndarray, np.ndarray, Bool[np.ndarray, " parameters"]]:
        """Lowest and highest value of each parameter, and whether only whole numbers are valid."""
        ranges = [
            (0, p.width - 1) if isinstance(p, Categorical) else (p.low, p.high)
            for p in self.parameters
        ]
        low, high = np.array(ranges, dtype=np.float64).reshape(-1, 2).T
        return low, high, np.array([not isinstance(p, Continuous) for p in self.parameters])

    def encode(
        self,
        patches: Float[np.ndarray, "items parameters"],
        dequantise: np.random.Generator | None = None,
    ) -> Float[np.ndarray, "items d"]:
        """Encode patches as vectors in [-1, 1]^d.

        With ``dequantise``, integers get uniform noise within their bins, for training.
        Raises :class:`PatchError` for a value out of range.
        """
        self.check(patches)
        if dequantise is None:
            uniform = np.full(patches.shape, 0.5)
        else:
            uniform = dequantise.random(patches.shape)
        columns = [p.encode(patches[:, i], uniform[:, i]) for i, p in enumerate(self.parameters)]
        return np.concatenate(columns, axis=1)

    def decode(self, x: Float[np.ndarray, "items d"]) -> Float[np.ndarray, "items parameters"]:
        """Decode vectors to the nearest patches: numbers are rounded, categories an arg-max."""
        columns = [p.decode(x[:, s]) for p, s in zip(self.parameters, self.slices, strict=True)]
        return np.stack(columns, axis=1)

    def check(self, patches: Float[np.ndarray, "items parameters"]) -> None:
        """Raise :class:`PatchError` that names the first value out of range, if there is one."""
        if patches.shape[1] != len(self.parameters):
            raise PatchError(
                f"a patch of this task has {len(self.parameters)} values, not {patches.shape[1]}"
            )
        low, high, whole = self._ranges
        valid = (patches >= low) & (patches <= high) & (~whole | (patches == np.floor(patches)))
        if not valid.all():
            i, item = np.argwhere(~valid.T)[0]
            p = self.parameters[i]
            limits = p.choices if isinstance(p, Categorical) else (p.low, p.high)
            raise PatchError(f"{p.name}: {patches[item, i]:g} is not within {limits}")

    def named(self, patch: Patch) -> dict[str, int | float | str]:
        """Return a patch's values by name; a category's value is the name of its choice."""
        values = enumerate(patch.tolist())
        return {self.names[i]: self.value_name(i, value) for i, value in values}

    def value_name(self, position: int, value: float) -> int | float | str:
        """Return the value of one parameter as :meth:`named` does."""
        match self.parameters[position]:
            case Categorical(choices=choices):
                return choices[int(value)]
            case Integer():
                return int(value)
            case Continuous():
                return float(value)

    def from_named(self, named: NamedPatch) -> Patch:
        """Undo :meth:`named`. Raises :class:`PatchError` for a missing or unknown name or value."""
        unknown = sorted(set(named) - set(self.names))
        missing = [n for n in self.names if n not in named]
        if unknown or missing:
            raise PatchError(
                f"not this task's parameters: unknown {unknown[:3]}, missing {missing[:3]}"
            )
        values = np.empty(len(self.parameters))
        for i, p in enumerate(self.parameters):
            value = named[p.name]
            if isinstance(p, Categorical):
                if value not in p.choices:
                    raise PatchError(f"{p.name}: {value!r} is not one of {p.choices}")
                values[i] = p.choices.index(str(value))
            else:
                try:
                    values[i] = float(value)
                except ValueError:
                    raise PatchError(f"{p.name}: {value!r} is not a number") from None
        self.check(values[None])
        return values

    @classmethod
    def from_yaml(cls, text: str) -> "Spec":
        """Read ``units`` (each a block with a count), ``parameters`` and ``note``, in this order.

        Raises :class:`TaskError` for content that describes no task.
        """
        try:
            return cls.from_data(parse_yaml(text))
        except DocumentError as error:
            raise _no_task(error) from None

    @classmethod
    def from_data(cls, data: Any) -> "Spec":
        """Read parsed YAML as :meth:`from_yaml` does. Raises :class:`TaskError`."""
        try:
            return cls._from_data(data)
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise _no_task(error) from None

    @classmethod
    def _from_data(cls, data: Any) -> "Spec":
        parameters: list[Parameter] = []
        units = []
        for block in data.get("units", []):
            members = []
            for copy in range(1, block["count"] + 1):
                start = len(parameters)
                parameters += [
                    _parameter(p, f"{block['name']}{copy}.") for p in block["parameters"]
                ]
                members.append(tuple(range(start, len(parameters))))
            units.append(Unit(block["name"], tuple(members)))
        for section in ("parameters", "note"):
            parameters += [_parameter(p, "") for p in data.get(section, [])]
        return cls(tuple(parameters), tuple(units))


def _no_task(error: Exception) -> TaskError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    return TaskError(f"this does not describe a task: {reason}")


def _parameter(fields: dict[str, Any], prefix: str) -> Parameter:
    """Read one parameter from its fields in the YAML."""
    fields = dict(fields)
    name = prefix + str(fields.pop("name", "?"))
    kind = fields.pop("kind", "integer")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise TaskError(f"{name}: kind {shown(kind)} is not one of {', '.join(_KINDS)}")
    for key, value in fields.items():
        what, types = _TYPES.get(key, ("", (object,)))
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TaskError(f"{name}: {key}: {shown(value)} is not {what}")
    for choice in fields.get("choices", ()):
        if not isinstance(choice, str | int | float) or len(str(choice)) > _LONGEST_CHOICE:
            raise TaskError(f"{name}: choices: {shown(choice)} is not a name")
    if "choices" in fields:
        fields["choices"] = tuple(str(c) for c in fields["choices"])
    defaults = {f.name: f.default for f in dataclass_fields(_KINDS[kind]) if f.name != "name"}
    unknown = sorted(shown(key) for key in set(fields) - set(defaults))
    missing = sorted(n for n, d in defaults.items() if d is MISSING and n not in fields)
    if unknown or missing:
        raise TaskError(f"{name}: unknown {unknown}, missing {missing} for kind {kind}")
    if _KINDS[kind] is Continuous:
        for number in ("low", "high", "step"):
            fields[number] = float(fields[number])
    elif not all(isinstance(fields.get(number, 0), int) for number in ("low", "high")):
        raise TaskError(f"{name}: low and high of an integer are whole numbers")
    return _KINDS[kind](name=name, **fields)
