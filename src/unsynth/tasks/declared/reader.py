"""Read a task file, with an error that names the line."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from math import factorial, isfinite, prod
from typing import Any, NoReturn

import numpy as np
import yaml

from unsynth.errors import TaskError
from unsynth.tasks.declared.declaration import Condition, Declared
from unsynth.tasks.declared.raw import quantised
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec

_NOTE = ("note.pitch", "note.onset", "note.duration")
#: Keys of a parameter that its spec takes, and those that are read here.
_SPEC_KEYS = ("name", "kind", "low", "high", "step", "log", "unit", "choices")
_OWN_KEYS = ("control", "raw", "weights", "points", "heard", "inert", "neutral", "copies")
_TASK_KEYS = (
    *("task", "synth", "engine", "units", "parameters", "note", "note_within", "fixed", "about"),
)
_UNIT_KEYS = ("name", "count", "parameters", "fixed", "exchange")
#: More images than this are not listed: a unit with so many copies is better left a plain list.
MOST_IMAGES = 10_000
_TEMPLATE = re.compile(r"\{(\d*)n([+-]\d+)?\}")
_COMPARISON = re.compile(r"(!=|>=|<=|>|<)\s*(\S+)")


def parse(text: str, source: str) -> Any:
    """Read YAML. Raises :class:`TaskError` naming the line that is none."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TaskError(f"{source}: this is not YAML: {' '.join(str(error).split())}") from None


class Reader:
    """Reads a declaration, and knows where in it something is wrong."""

    def __init__(self, data: Any, source: str) -> None:
        self._source = source
        data = self._mapping(data, "the file")
        self._known(data, _TASK_KEYS, "the file")
        self.name = self._text(data, "task", "the file")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            self._fail(f"task: {self.name!r} is not a name of small letters, digits and hyphens")
        self.synth = self._text(data, "synth", "the file")
        self.engine = self._mapping(data.get("engine") or {}, "engine")
        within = data.get("note_within")
        self.note_within = None if within is None else self._number(within, "note_within")
        self.fixed: dict[str, float] = {}
        self._copies: dict[str, int] = {}
        entries = self._entries(data)
        spec_data: dict[str, Any] = {"parameters": [], "note": [], "units": []}
        for section in ("parameters", "note"):
            spec_data[section] = [_only_spec(e) for e, unit, _ in entries if unit == section]
        for unit in data.get("units") or []:
            declared = [_only_spec(e) for e, name, n in entries if name == unit["name"] and n == 1]
            block = {"name": unit["name"], "count": unit["count"], "parameters": declared}
            spec_data["units"].append(block)
        try:
            self.spec = Spec.from_data(spec_data)
        except TaskError as error:
            self._fail(str(error))
        if self.spec.names[-3:] != _NOTE or not self._notes_fit():
            self._fail(
                "note: must be note.pitch (integer), note.onset and note.duration (continuous)"
            )
        if prod(factorial(count) for count in self._copies.values()) > MOST_IMAGES:
            self._fail(
                f"units: their exchanges are more than {MOST_IMAGES}; write those with the most "
                "copies as plain parameters"
            )
        self.declared = tuple(
            self._declared(entry, unit, copy, position)
            for position, (entry, unit, copy) in enumerate(entries)
        )
        self._check_cycles()
        self.exchange = {
            unit["name"]: self._exchange(unit.get("exchange", True), unit["name"])
            for unit in data.get("units") or []
        }
        names = [d.control for d in self.declared if d.control is not None]
        twice = sorted({n for n in names if names.count(n) > 1 or n in self.fixed})
        if twice:
            self._fail(f"control {twice[0]!r} is set twice")

    def check_controls(self, controls: Mapping[str, tuple[float, float]] | None) -> None:
        """Hold names and raw values against the engine's; ``None``: only it knows."""
        if controls is None:
            return
        values: list[tuple[str, str, tuple[float, ...]]] = [
            (name, "fixed", (value,)) for name, value in self.fixed.items()
        ]
        for parameter, declared in zip(self.spec.parameters, self.declared, strict=True):
            if declared.control is None:
                continue
            if declared.raw is not None:
                raw = declared.raw
            elif isinstance(parameter, Categorical):
                raw = (0.0, parameter.width - 1.0)
            else:
                raw = (parameter.low, parameter.high)
            values.append((declared.control, parameter.name, raw))
        for name, where, raw in values:
            if name not in controls:
                self._fail(f"{where}: control {unknown_key(name, controls)}")
            low, high = controls[name]
            outside = [value for value in raw if not low <= value <= high]
            if outside:
                self._fail(
                    f"{where}: {name} cannot be {outside[0]:g}; it takes {low:g} to {high:g}"
                )

    def _entries(self, data: Mapping[str, Any]) -> list[tuple[dict[str, Any], str, int]]:
        """List (fields, unit or section, copy from 1 or 0) of every parameter in order."""
        entries: list[tuple[dict[str, Any], str, int]] = []
        for number, block in enumerate(self._list(data.get("units") or [], "units"), start=1):
            where = f"units, number {number}"
            block = self._mapping(block, where)
            self._known(block, _UNIT_KEYS, where)
            name = self._text(block, "name", where)
            if name in self._copies or name in ("parameters", "note"):
                self._fail(f"unit {name!r}: this name is taken")
            count: Any = block.get("count")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                self._fail(f"unit {name}: count {count!r} is not a whole number above 0")
            self._copies[name] = count
            inner = self._parameters(block.get("parameters"), f"unit {name}")
            for copy in range(1, count + 1):
                entries += [(entry, name, copy) for entry in inner]
                self._fix(block.get("fixed") or {}, f"unit {name}", copy)
        for section in ("parameters", "note"):
            inner = self._parameters(data.get(section) or [], section)
            entries += [(entry, section, 0) for entry in inner]
        self._fix(data.get("fixed") or {}, "fixed", 0)
        return entries

    def _parameters(self, listed: Any, where: str) -> list[dict[str, Any]]:
        found = []
        for number, entry in enumerate(self._list(listed, f"{where}: parameters"), start=1):
            entry = self._mapping(entry, f"{where}, parameter {number}")
            place = f"{where}: {entry.get('name', f'parameter {number}')}"
            self._known(entry, _SPEC_KEYS + _OWN_KEYS, place)
            self._text(entry, "name", place)
            found.append(entry)
        return found

    def _fix(self, values: Any, where: str, copy: int) -> None:
        for template, value in self._mapping(values, f"{where}: fixed").items():
            control = self._filled(str(template), copy, f"{where}: fixed")
            if control in self.fixed:
                self._fail(f"{where}: {control} is fixed twice")
            self.fixed[control] = self._number(value, f"{where}: fixed: {control}")

    def _declared(self, entry: dict[str, Any], unit: str, copy: int, position: int) -> Declared:
        parameter = self.spec.parameters[position]
        where = parameter.name
        control: str | None = None
        if unit == "note":
            if "control" in entry:
                self._fail(f"{where}: a note has no control")
        elif "control" not in entry:
            self._fail(f"{where}: control is missing: the engine's name of it")
        elif isinstance(entry["control"], list):
            if len(entry["control"]) != max(1, copy and self._copies.get(unit, 1)):
                self._fail(f"{where}: control lists {len(entry['control'])} names, one a copy")
            control = str(entry["control"][max(0, copy - 1)])
        else:
            control = self._filled(str(entry["control"]), copy, where)
        return Declared(
            control=control,
            raw=self._raw(entry, parameter, unit, copy),
            weights=self._weights(entry, parameter),
            points=self._points(entry, parameter),
            heard=tuple(self._heard(entry.get("heard"), unit, copy, where)),
            inert=self._flag(entry.get("inert", False), f"{where}: inert"),
            neutral=self._neutral(entry, parameter),
            refers=self._refers(entry, parameter, unit),
        )

    def _raw(
        self, entry: dict[str, Any], parameter: Parameter, unit: str, copy: int
    ) -> tuple[float, ...] | None:
        if "raw" not in entry:
            return None
        where = f"{parameter.name}: raw"
        listed = self._list(entry["raw"], where)
        if copy and listed and all(isinstance(each, list) for each in listed):
            if len(listed) != self._copies[unit]:
                self._fail(f"{where}: has {len(listed)} lists, not one for each copy")
            listed = listed[copy - 1]
        raw = tuple(self._number(value, where) for value in listed)
        wanted = parameter.width if isinstance(parameter, Categorical) else 2
        if len(raw) != wanted or len(set(raw)) != wanted:
            self._fail(f"{where}: needs {wanted} different values, not {len(raw)}")
        return raw

    def _weights(self, entry: dict[str, Any], parameter: Parameter) -> tuple[float, ...]:
        if "weights" not in entry:
            return ()
        where = f"{parameter.name}: weights"
        if isinstance(parameter, Continuous):
            self._fail(f"{where}: a continuous value has points, not weights")
        count = parameter.count if isinstance(parameter, Integer) else parameter.width
        weights = tuple(self._number(w, where) for w in self._list(entry["weights"], where))
        if len(weights) != count or min(weights) < 0 or not sum(weights) > 0:
            self._fail(f"{where}: needs {count} numbers of 0 or more")
        return weights

    def _points(
        self, entry: dict[str, Any], parameter: Parameter
    ) -> tuple[tuple[float, float], ...]:
        where = f"{parameter.name}: points"
        points = []
        for value, chance in self._mapping(entry.get("points") or {}, where).items():
            point = self._value(parameter, value, where)
            points.append((point, self._number(chance, f"{where}: {value}")))
        if any(not 0 < q <= 1 for _, q in points) or sum(q for _, q in points) > 1 + 1e-12:
            self._fail(f"{where}: their probabilities must be above 0 and add up to 1 at most")
        return tuple(points)

    def _neutral(self, entry: dict[str, Any], parameter: Parameter) -> float:
        if "neutral" in entry:
            return self._value(parameter, entry["neutral"], f"{parameter.name}: neutral")
        if isinstance(parameter, Categorical):
            return 0.0
        return float(min(max(0.0, parameter.low), parameter.high))

    def _value(self, parameter: Parameter, value: Any, where: str) -> float:
        """Read a parameter's value as the file writes it, a category's as its choice."""
        if isinstance(parameter, Categorical):
            choice = str(value)
            if choice not in parameter.choices:
                self._fail(f"{where}: {unknown_key(choice, parameter.choices)}")
            return float(parameter.choices.index(choice))
        number = self._number(value, where)
        if isinstance(parameter, Continuous) and parameter.low <= number <= parameter.high:
            number = quantised(parameter, number)
        if not parameter.valid(np.array([number]))[0]:
            self._fail(
                f"{where}: {value!r} is not a value from {parameter.low} to {parameter.high}"
            )
        return number

    def _refers(
        self, entry: dict[str, Any], parameter: Parameter, unit: str
    ) -> tuple[str, tuple[int, ...]] | None:
        if "copies" not in entry:
            return None
        where = f"{parameter.name}: copies"
        named = self._mapping(entry["copies"], where)
        if not isinstance(parameter, Categorical) or len(named) != 1:
            self._fail(f"{where}: is for a category whose choices name the copies of one unit")
        (target, choices) = next(iter(named.items()))
        if target not in self._copies or target == unit:
            others = [name for name in self._copies if name != unit]
            self._fail(f"{where}: {unknown_key(str(target), others)}")
        copies = [-1] * parameter.width
        for choice, copy in self._mapping(choices, where).items():
            at = int(self._value(parameter, choice, where))
            copies[at] = int(self._number(copy, where)) - 1
        if sorted(c for c in copies if c != -1) != list(range(self._copies[target])):
            self._fail(f"{where}: must name each of the {self._copies[target]} copies once")
        weights = self._weights(entry, parameter) or (1.0,) * parameter.width
        chances = dict(self._points(entry, parameter))
        kinds = {(weights[i], chances.get(float(i))) for i, c in enumerate(copies) if c >= 0}
        if len(kinds) > 1:
            self._fail(f"{where}: choices that name copies must be equally likely")
        return str(target), tuple(copies)

    def _heard(
        self, told: Any, unit: str, copy: int, where: str
    ) -> Iterator[tuple[Condition, ...]]:
        if told is None:
            return
        for every in told if isinstance(told, list) else [told]:
            conditions = self._mapping(every, f"{where}: heard").items()
            yield tuple(
                self._condition(str(key), value, unit, copy, f"{where}: heard")
                for key, value in conditions
            )

    def _exchange(self, told: Any, unit: str) -> tuple[Condition, ...] | None:
        """Read when copies may change place: always, never, or where all conditions hold."""
        where = f"unit {unit}: exchange"
        if isinstance(told, bool):
            return () if told else None
        conditions = [
            self._condition(str(key), value, "", 0, where)
            for key, value in self._mapping(told, where).items()
        ]
        parts = {position for u in self.spec.units for copy in u.members for position in copy}
        if any(not c.positions or parts.intersection(c.positions) for c in conditions):
            self._fail(f"{where}: depends on parameters that come once, in no unit")
        return tuple(conditions)

    def _condition(self, key: str, told: Any, unit: str, copy: int, where: str) -> Condition:
        if key == "released":
            if told is not True:
                self._fail(f"{where}: released: can only be true")
            return Condition(())
        name = self._filled(key, copy, where)
        at = self.spec.position
        if copy and f"{unit}{copy}.{name}" in at:
            positions = [at[f"{unit}{copy}.{name}"]]
        elif "*" in name:
            pattern = re.compile(re.escape(name).replace(r"\*", r"\d+"))
            positions = [p for other, p in at.items() if pattern.fullmatch(other)]
        else:
            positions = [at[name]] if name in at else []
        if not positions:
            own = [n.split(".", 1)[1] for n in at if copy and n.startswith(f"{unit}{copy}.")]
            self._fail(f"{where}: {unknown_key(name, [*own, *at])}")
        parameter = self.spec.parameters[positions[0]]
        if isinstance(told, str) and not isinstance(parameter, Categorical):
            parts = _COMPARISON.fullmatch(told)
            if parts is None:
                self._fail(f"{where}: {name}: {told!r} is not a list, or like '> 0'")
            number = self._number(yaml.safe_load(parts[2]), f"{where}: {name}")
            return Condition(tuple(positions), (), parts[1], number)
        values = []
        for value in self._list(told, f"{where}: {name}"):
            text = self._filled(value, copy, where) if isinstance(value, str) else value
            values.append(self._value(parameter, text, f"{where}: {name}"))
        return Condition(tuple(positions), tuple(values))

    def _check_cycles(self) -> None:
        done: set[int] = set()

        def visit(position: int, path: tuple[int, ...]) -> None:
            if position in path:
                self._fail(f"{self.spec.names[position]}: heard: is a switch of its own switch")
            if position in done:
                return
            for every in self.declared[position].heard:
                for condition in every:
                    for other in condition.positions:
                        visit(other, (*path, position))
            done.add(position)

        for position in range(len(self.declared)):
            visit(position, ())

    def _notes_fit(self) -> bool:
        pitch, onset, duration = self.spec.parameters[-3:]
        continuous = isinstance(onset, Continuous) and isinstance(duration, Continuous)
        return isinstance(pitch, Integer) and continuous

    def _filled(self, template: str, copy: int, where: str) -> str:
        """Fill in a copy's number: ``{n}``, ``{n+2}``, ``{4n-3}``."""
        if not copy:
            if _TEMPLATE.search(template):
                self._fail(f"{where}: {template!r}: only in a unit do copies have a number")
            return template
        return _TEMPLATE.sub(lambda m: str(int(m[1] or 1) * copy + int(m[2] or 0)), template)

    def _fail(self, text: str) -> NoReturn:
        raise TaskError(f"{self._source}: {text}")

    def _known(self, given: Mapping[str, Any], known: Collection[str], where: str) -> None:
        for key in given:
            if key not in known:
                self._fail(f"{where}: {unknown_key(str(key), known)}")

    def _mapping(self, value: Any, where: str) -> dict[Any, Any]:
        if not isinstance(value, dict):
            self._fail(f"{where}: {_shown(value)} is not a mapping (key: value)")
        return dict(value)

    def _list(self, value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            self._fail(f"{where}: {_shown(value)} is not a list")
        return list(value)

    def _text(self, fields: Mapping[str, Any], key: str, where: str) -> str:
        value = fields.get(key)
        if not isinstance(value, str) or not value:
            self._fail(f"{where}: {key} is missing" if value is None else f"{where}: {key}: "
                       f"{_shown(value)} is not a name")  # fmt: skip
        return str(value)

    def _number(self, value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self._fail(f"{where}: {_shown(value)} is not a number")
        return float(value)

    def _flag(self, value: Any, where: str) -> bool:
        if not isinstance(value, bool):
            self._fail(f"{where}: {_shown(value)} is not true or false")
        return bool(value)


def _only_spec(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key in _SPEC_KEYS}


def unknown_key(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1, 0.5)
    if near:
        return f"{name!r} is not known; the nearest is {near[0]!r}"
    few = ", ".join(list(known)[:12])
    return f"{name!r} is not known; there is {few}" if few else f"{name!r} is not known"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
