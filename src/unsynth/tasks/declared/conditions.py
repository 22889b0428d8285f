"""Read the conditions of a task file: when a parameter is audible, when copies change places."""

import re
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from unsynth.documents import shown
from unsynth.tasks.declared.checks import Checks, unknown_key
from unsynth.tasks.declared.declaration import ConditionDeclaration, ParameterDeclaration
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Spec

_COMPARISON = re.compile(r"(!=|>=|<=|>|<)\s*(\S+)")


class ConditionReader:
    """Reads conditions on the parameters of a spec."""

    def __init__(self, checks: Checks, spec: Spec) -> None:
        self._checks = checks
        self._spec = spec

    def audible_if(
        self, value: Any, unit: str, copy: int, where: str
    ) -> Iterator[tuple[ConditionDeclaration, ...]]:
        """Read ``heard``: one mapping, or a list of which one is enough; all of a mapping hold."""
        if value is None:
            return
        where = f"{where}: heard"
        for alternative in value if isinstance(value, list) else [value]:
            yield tuple(
                self._condition(str(key), condition, unit, copy, where)
                for key, condition in self._checks.mapping(alternative, where).items()
            )

    def exchange(self, value: Any, unit: str) -> tuple[ConditionDeclaration, ...] | None:
        """Read ``exchange``: true, false (gives ``None``), or a mapping of which all hold."""
        where = f"unit {unit}: exchange"
        if isinstance(value, bool):
            return () if value else None
        conditions = [
            self._condition(str(key), condition, "", 0, where)
            for key, condition in self._checks.mapping(value, where).items()
        ]
        units = self._spec.units
        in_units = {position for u in units for copy in u.members for position in copy}
        if any(not c.positions or in_units.intersection(c.positions) for c in conditions):
            self._checks.fail(f"{where}: can depend only on parameters outside units")
        return tuple(conditions)

    def _condition(
        self, key: str, value: Any, unit: str, copy: int, where: str
    ) -> ConditionDeclaration:
        if key == "released":
            if value is not True:
                self._checks.fail(f"{where}: released: can only be true")
            return ConditionDeclaration(())
        name = self._checks.name_for_copy(key, copy, where)
        positions = self._positions(name, unit, copy, where)
        where = f"{where}: {name}"
        parameter = self._spec.parameters[positions[0]]
        if isinstance(value, str) and not isinstance(parameter, Categorical):
            parts = _COMPARISON.fullmatch(value)
            if parts is None:
                self._checks.fail(
                    f"{where}: {shown(value)} is neither a list of values nor a comparison like "
                    "'> 0'"
                )
            number = self._checks.number(_number(parts[2]), where)
            return ConditionDeclaration(positions, (), parts[1], number)
        values = []
        for each in self._checks.sequence(value, where):
            text = self._checks.name_for_copy(each, copy, where) if isinstance(each, str) else each
            values.append(self._checks.parameter_value(parameter, text, where))
        return ConditionDeclaration(positions, tuple(values))

    def _positions(self, name: str, unit: str, copy: int, where: str) -> tuple[int, ...]:
        """Find a parameter, first in the same copy of a unit; ``*`` is the number of any copy."""
        position = self._spec.position
        own = f"{unit}{copy}."
        if copy and own + name in position:
            return (position[own + name],)
        if name.count("*") > 1:
            self._checks.fail(f"{where}: {shown(name)} has more than one *")
        if "*" in name:
            pattern = re.compile(re.escape(name).replace(r"\*", r"\d+"))
            positions = tuple(p for other, p in position.items() if pattern.fullmatch(other))
        else:
            positions = (position[name],) if name in position else ()
        if not positions:
            names = [n.split(".", 1)[1] for n in position if copy and n.startswith(own)]
            self._checks.fail(f"{where}: {unknown_key(name, [*names, *position])}")
        return positions


def check_cycles(checks: Checks, spec: Spec, parameters: Sequence[ParameterDeclaration]) -> None:
    """Raise :class:`TaskError` if a parameter's audibility depends on itself."""
    dependencies = {
        position: {
            other
            for alternative in parameter.audible_if
            for condition in alternative
            for other in condition.positions
        }
        for position, parameter in enumerate(parameters)
    }
    try:
        TopologicalSorter(dependencies).prepare()
    except CycleError as error:
        name = spec.names[min(error.args[1])]
        checks.fail(f"{name}: heard: depends on itself, through other parameters")


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
