"""Read a task file; an error names the place and the nearest valid key."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial, prod
from typing import Any

from unsynth.documents import shown
from unsynth.errors import TaskError
from unsynth.tasks.declared.checks import Checks, unknown_key
from unsynth.tasks.declared.conditions import ConditionReader, check_cycles
from unsynth.tasks.declared.declaration import Declaration, ParameterDeclaration
from unsynth.tasks.note import NOTE
from unsynth.tasks.parameter import Categorical, Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec

#: Keys of the file.
_TASK_KEYS = (
    *("task", "synth", "engine", "units", "parameters", "note", "note_within", "fixed", "about"),
    "symmetry",
)
#: Keys of a unit.
_UNIT_KEYS = ("name", "count", "parameters", "fixed", "exchange")
#: Keys of a parameter that belong to the spec.
_SPEC_KEYS = ("name", "kind", "low", "high", "step", "log", "unit", "choices")
#: The other keys of a parameter.
_OWN_KEYS = ("control", "raw", "weights", "points", "heard", "inert", "neutral", "copies")
#: Sections of parameters that come once.
_SECTIONS = ("parameters", "note")
#: A task lists all images of a patch, so it can have this many at most.
MOST_IMAGES = 10_000
#: The most parameters of a task, over all copies; large synthesizers have 3,000.
MOST_PARAMETERS = 5_000
#: With ``note_within``, this share of all pairs of times at least must make a note.
_LEAST_NOTES = 0.001
#: The latest onset and the longest duration, in seconds; sounds have four.
_LONGEST_NOTE = 60.0


def read_declaration(content: Any, source: str) -> Declaration:
    """Read the content of a task file, which errors call ``source``. Raises :class:`TaskError`."""
    return _Reader(source).read(content)


def check_controls(
    declaration: Declaration, controls: Mapping[str, tuple[float, float]] | None, source: str
) -> None:
    """Check names and raw values against the engine's controls, each with its range.

    ``None`` skips the check: such an engine knows its controls only once it is loaded. Raises
    :class:`TaskError`.
    """
    if controls is None:
        return
    checks = Checks(source)
    values: list[tuple[str, str, tuple[float, ...]]] = [
        (name, "fixed", (value,)) for name, value in declaration.fixed.items()
    ]
    for parameter, declared in zip(
        declaration.spec.parameters, declaration.parameters, strict=True
    ):
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
            checks.fail(f"{where}: control {unknown_key(name, controls)}")
        low, high = controls[name]
        outside = [value for value in raw if not low <= value <= high]
        if outside:
            checks.fail(f"{where}: {name} cannot be {outside[0]:g}; it takes {low:g} to {high:g}")


@dataclass(frozen=True)
class _Entry:
    """A parameter's fields in the file, and where it stands."""

    fields: dict[str, Any]
    #: The name of a unit, or of the section outside units.
    section: str
    #: The unit's copy, from 1; 0 outside units.
    copy: int


class _Reader:
    """Reads one file."""

    def __init__(self, source: str) -> None:
        self._checks = Checks(source)
        self._fixed: dict[str, float] = {}
        #: Number of copies by unit.
        self._counts: dict[str, int] = {}

    def read(self, content: Any) -> Declaration:
        checks = self._checks
        content = checks.mapping(content, "the file")
        checks.keys(content, _TASK_KEYS, "the file")
        name = checks.text(content, "task", "the file")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
            checks.fail(
                f"task: {shown(name)} is not a name of up to 64 lowercase letters, digits and "
                "hyphens"
            )
        synth = checks.text(content, "synth", "the file")
        engine = checks.mapping(content.get("engine") or {}, "engine")
        for key in engine:
            if not isinstance(key, str):
                checks.fail(f"engine: {shown(key)} is not the name of a setting")
        within = content.get("note_within")
        note_within = None if within is None else checks.number(within, "note_within")
        symmetry = checks.text(content, "symmetry", "the file") if "symmetry" in content else None
        entries = self._entries(content)
        units = content.get("units") or []
        spec = self._spec(units, entries)
        if note_within is not None:
            self._check_note_within(note_within, spec)
        conditions = ConditionReader(checks, spec)
        parameters = tuple(
            self._parameter(entry, parameter, conditions)
            for entry, parameter in zip(entries, spec.parameters, strict=True)
        )
        check_cycles(checks, spec, parameters)
        exchange = {
            unit["name"]: conditions.exchange(unit.get("exchange", True), unit["name"])
            for unit in units
        }
        counts = Counter(p.control for p in parameters if p.control is not None)
        twice = sorted(n for n, count in counts.items() if count > 1 or n in self._fixed)
        if twice:
            checks.fail(f"control {twice[0]!r} is set twice")
        return Declaration(
            name, synth, engine, spec, parameters, self._fixed, exchange, note_within, symmetry
        )

    def _entries(self, content: Mapping[str, Any]) -> list[_Entry]:
        """List the parameters in order, each once per copy; collect copies and fixed controls."""
        checks = self._checks
        entries: list[_Entry] = []
        for number, block in enumerate(
            checks.sequence(content.get("units") or [], "units"), start=1
        ):
            where = f"units, number {number}"
            block = checks.mapping(block, where)
            checks.keys(block, _UNIT_KEYS, where)
            name = checks.text(block, "name", where)
            if name in self._counts or name in _SECTIONS:
                checks.fail(f"unit {name!r}: this name is taken")
            count: Any = block.get("count")
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                checks.fail(f"unit {name}: count {shown(count)} is not a whole number above 0")
            self._counts[name] = count
            # Before the copies are listed, and 20! is already large.
            if prod(factorial(min(each, 20)) for each in self._counts.values()) > MOST_IMAGES:
                checks.fail(
                    f"units: their copies can be exchanged in more than {MOST_IMAGES} ways; write "
                    "the copies of the largest unit as plain parameters"
                )
            parameters = self._fields(block.get("parameters"), f"unit {name}")
            for copy in range(1, count + 1):
                entries += [_Entry(fields, name, copy) for fields in parameters]
                self._fix(block.get("fixed") or {}, f"unit {name}", copy)
        for section in _SECTIONS:
            parameters = self._fields(content.get(section) or [], section)
            entries += [_Entry(fields, section, 0) for fields in parameters]
        self._fix(content.get("fixed") or {}, "fixed", 0)
        if len(entries) > MOST_PARAMETERS:
            checks.fail(f"{len(entries)} parameters, at most {MOST_PARAMETERS:,}")
        return entries

    def _fields(self, parameters: Any, where: str) -> list[dict[str, Any]]:
        """Check a list of parameters for unknown keys and missing names."""
        checks = self._checks
        checked = []
        for number, fields in enumerate(
            checks.sequence(parameters, f"{where}: parameters"), start=1
        ):
            fields = checks.mapping(fields, f"{where}, parameter {number}")
            place = f"{where}: {str(fields.get('name', f'parameter {number}'))[:60]}"
            checks.keys(fields, _SPEC_KEYS + _OWN_KEYS, place)
            checks.text(fields, "name", place)
            checked.append(fields)
        return checked

    def _fix(self, values: Any, where: str, copy: int) -> None:
        where = f"{where}: fixed"
        for template, value in self._checks.mapping(values, where).items():
            control = self._checks.name_for_copy(str(template), copy, where)
            if control in self._fixed:
                self._checks.fail(f"{where}: {control} is fixed twice")
            self._fixed[control] = self._checks.number(value, f"{where}: {control}")

    def _spec(self, units: list[dict[str, Any]], entries: list[_Entry]) -> Spec:
        def fields_of(section: str, copy: int) -> list[dict[str, Any]]:
            return [
                {key: value for key, value in entry.fields.items() if key in _SPEC_KEYS}
                for entry in entries
                if (entry.section, entry.copy) == (section, copy)
            ]

        content: dict[str, Any] = {section: fields_of(section, 0) for section in _SECTIONS}
        content["units"] = [
            {
                "name": unit["name"],
                "count": unit["count"],
                "parameters": fields_of(unit["name"], 1),
            }
            for unit in units
        ]
        try:
            spec = Spec.from_data(content)
        except TaskError as error:
            self._checks.fail(str(error))
        kinds = tuple(type(parameter) for parameter in spec.parameters[-3:])
        if spec.names[-3:] != NOTE or kinds != (Integer, Continuous, Continuous):
            self._checks.fail(
                "note: must be note.pitch (integer), note.onset and note.duration (continuous)"
            )
        pitch, onset, duration = spec.parameters[-3:]
        assert not isinstance(pitch, Categorical)
        if pitch.low < 0 or pitch.high > 127:
            self._checks.fail(f"note.pitch: {pitch.low} to {pitch.high} is not within 0 to 127")
        assert isinstance(onset, Continuous) and isinstance(duration, Continuous)
        if onset.low < 0.0 or duration.low <= 0.0 or max(onset.high, duration.high) > _LONGEST_NOTE:
            self._checks.fail(
                f"note: onset and duration are times of up to {_LONGEST_NOTE:g} s, the onset not "
                "negative, the duration above 0"
            )
        return spec

    def _check_note_within(self, within: float, spec: Spec) -> None:
        """Check that draws of two times within ``within`` seconds soon make a note."""
        onset, duration = spec.parameters[-2:]
        assert isinstance(onset, Continuous) and isinstance(duration, Continuous)
        # Of all pairs of a start and an end after it, those with an onset from `low` up to `high`
        # and at least the shortest duration make a note.
        most, least = (
            max(0.0, within - duration.low - each) ** 2 for each in (onset.low, onset.high)
        )
        if not within > 0.0 or most - least < _LEAST_NOTES * within**2:
            self._checks.fail(
                f"note_within: hardly any note of {duration.low:g} s or more that starts at "
                f"{onset.low:g} to {onset.high:g} s ends within {within:g} s"
            )

    def _parameter(
        self, entry: _Entry, parameter: Parameter, conditions: ConditionReader
    ) -> ParameterDeclaration:
        fields, where = entry.fields, parameter.name
        return ParameterDeclaration(
            control=self._control(entry, where),
            raw=self._raw(entry, parameter),
            weights=self._weights(fields, parameter),
            points=self._points(fields, parameter),
            audible_if=tuple(
                conditions.audible_if(fields.get("heard"), entry.section, entry.copy, where)
            ),
            inert=self._checks.flag(fields.get("inert", False), f"{where}: inert"),
            neutral=self._neutral(fields, parameter),
            copies=self._copies(entry, parameter),
        )

    def _control(self, entry: _Entry, where: str) -> str | None:
        if entry.section == "note":
            if "control" in entry.fields:
                self._checks.fail(f"{where}: a note has no control")
            return None
        if "control" not in entry.fields:
            self._checks.fail(f"{where}: control is missing: the engine's name of this parameter")
        control = entry.fields["control"]
        if not isinstance(control, list):
            return self._checks.name_for_copy(str(control), entry.copy, where)
        count = self._counts.get(entry.section, 1)
        if len(control) != count:
            self._checks.fail(f"{where}: control lists {len(control)} names for {count} copies")
        return str(control[max(0, entry.copy - 1)])

    def _raw(self, entry: _Entry, parameter: Parameter) -> tuple[float, ...] | None:
        if "raw" not in entry.fields:
            return None
        where = f"{parameter.name}: raw"
        values = self._checks.sequence(entry.fields["raw"], where)
        if entry.copy and values and all(isinstance(each, list) for each in values):
            if len(values) != self._counts[entry.section]:
                self._checks.fail(f"{where}: has {len(values)} lists, not one for each copy")
            values = values[entry.copy - 1]
        raw = tuple(self._checks.number(value, where) for value in values)
        count = parameter.width if isinstance(parameter, Categorical) else 2
        if len(raw) != count or len(set(raw)) != count:
            self._checks.fail(f"{where}: needs {count} different values, not {len(raw)}")
        return raw

    def _weights(self, fields: Mapping[str, Any], parameter: Parameter) -> tuple[float, ...]:
        if "weights" not in fields:
            return ()
        where = f"{parameter.name}: weights"
        if isinstance(parameter, Continuous):
            self._checks.fail(f"{where}: a continuous parameter takes points, not weights")
        count = parameter.count if isinstance(parameter, Integer) else parameter.width
        values = self._checks.sequence(fields["weights"], where)
        weights = tuple(self._checks.number(value, where) for value in values)
        if len(weights) != count or min(weights) < 0 or not sum(weights) > 0:
            self._checks.fail(f"{where}: needs {count} numbers of 0 or more")
        return weights

    def _points(
        self, fields: Mapping[str, Any], parameter: Parameter
    ) -> tuple[tuple[float, float], ...]:
        where = f"{parameter.name}: points"
        points = []
        for value, chance in self._checks.mapping(fields.get("points") or {}, where).items():
            point = self._checks.parameter_value(parameter, value, where)
            points.append((point, self._checks.number(chance, f"{where}: {value}")))
        if any(not 0 < q <= 1 for _, q in points) or sum(q for _, q in points) > 1 + 1e-12:
            self._checks.fail(
                f"{where}: their probabilities must be above 0 and add up to 1 at most"
            )
        return tuple(points)

    def _neutral(self, fields: Mapping[str, Any], parameter: Parameter) -> float:
        if "neutral" in fields:
            where = f"{parameter.name}: neutral"
            return self._checks.parameter_value(parameter, fields["neutral"], where)
        if isinstance(parameter, Categorical):
            return 0.0
        return float(min(max(0.0, parameter.low), parameter.high))

    def _copies(self, entry: _Entry, parameter: Parameter) -> tuple[str, tuple[int, ...]] | None:
        if "copies" not in entry.fields:
            return None
        checks, where = self._checks, f"{parameter.name}: copies"
        copies_by_unit = checks.mapping(entry.fields["copies"], where)
        if not isinstance(parameter, Categorical) or len(copies_by_unit) != 1:
            checks.fail(f"{where}: is for a category whose choices name the copies of one unit")
        ((unit, copy_by_choice),) = copies_by_unit.items()
        if unit not in self._counts or unit == entry.section:
            others = [name for name in self._counts if name != entry.section]
            checks.fail(f"{where}: {unknown_key(str(unit), others)}")
        copies = [-1] * parameter.width
        for choice, copy in checks.mapping(copy_by_choice, where).items():
            index = int(checks.parameter_value(parameter, choice, where))
            copies[index] = int(checks.number(copy, where)) - 1
        if sorted(c for c in copies if c != -1) != list(range(self._counts[unit])):
            checks.fail(f"{where}: must name each of the {self._counts[unit]} copies once")
        weights = self._weights(entry.fields, parameter) or (1.0,) * parameter.width
        chances = dict(self._points(entry.fields, parameter))
        odds = {(weights[i], chances.get(float(i))) for i, copy in enumerate(copies) if copy >= 0}
        if len(odds) > 1:
            checks.fail(f"{where}: choices that name copies must be equally likely")
        return str(unit), tuple(copies)
