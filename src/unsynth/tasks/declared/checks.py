"""Checks of single values in a task file, with one-line errors that name the place."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, NoReturn

import numpy as np

from unsynth.documents import shown
from unsynth.errors import TaskError
from unsynth.tasks.parameter import LARGEST, Categorical, Continuous, Parameter

#: A copy's number in a name: ``{n}``, ``{n+2}``, ``{4n-3}``.
_COPY_NUMBER = re.compile(r"\{(\d{0,4})n([+-]\d{1,4})?\}")
#: The longest name, in characters.
_LONGEST_NAME = 200


class Checks:
    """Checks of the values in one file.

    Every method takes ``where``, the place in the file that an error names, and raises
    :class:`TaskError`.
    """

    def __init__(self, source: str) -> None:
        self._source = source

    def fail(self, text: str) -> NoReturn:
        """Raise a :class:`TaskError` that names the file."""
        raise TaskError(f"{self._source}: {text}")

    def keys(self, mapping: Mapping[str, Any], valid: Collection[str], where: str) -> None:
        """Check that all keys are known."""
        for key in mapping:
            if key not in valid:
                self.fail(f"{where}: {unknown_key(str(key), valid)}")

    def mapping(self, value: Any, where: str) -> dict[Any, Any]:
        """Return a copy of a mapping."""
        if not isinstance(value, dict):
            self.fail(f"{where}: {shown(value)} is not a mapping (key: value)")
        return dict(value)

    def sequence(self, value: Any, where: str) -> list[Any]:
        """Return a copy of a list."""
        if not isinstance(value, list):
            self.fail(f"{where}: {shown(value)} is not a list")
        return list(value)

    def text(self, fields: Mapping[str, Any], key: str, where: str) -> str:
        """Return the text under a key."""
        value = fields.get(key)
        if value is None:
            self.fail(f"{where}: {key} is missing")
        if not isinstance(value, str) or not value:
            self.fail(f"{where}: {key}: {shown(value)} is not a name")
        if len(value) > _LONGEST_NAME:
            self.fail(f"{where}: {key}: {shown(value)} has more than {_LONGEST_NAME} characters")
        return value

    def number(self, value: Any, where: str) -> float:
        """Return a number, at most 10^12 in size."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            self.fail(f"{where}: {shown(value)} is not a number")
        if abs(value) > LARGEST:
            self.fail(f"{where}: {shown(value)} is larger than {LARGEST:g}")
        return float(value)

    def flag(self, value: Any, where: str) -> bool:
        """Return a truth value."""
        if not isinstance(value, bool):
            self.fail(f"{where}: {shown(value)} is not true or false")
        return bool(value)

    def parameter_value(self, parameter: Parameter, value: Any, where: str) -> float:
        """Return a parameter's value; the file names a category's choice, here it is an index."""
        if isinstance(parameter, Categorical):
            choice = str(value)
            if choice not in parameter.choices:
                self.fail(f"{where}: {unknown_key(choice, parameter.choices)}")
            return float(parameter.choices.index(choice))
        number = self.number(value, where)
        if isinstance(parameter, Continuous) and parameter.low <= number <= parameter.high:
            number = parameter.nearest(number)
        if not parameter.valid(np.array([number]))[0]:
            self.fail(
                f"{where}: {shown(value)} is not a value from {parameter.low} to {parameter.high}"
            )
        return number

    def name_for_copy(self, template: str, copy: int, where: str) -> str:
        """Fill in a copy's number: ``{n}``, ``{n+2}``, ``{4n-3}``; copy 0 is outside units."""
        if len(template) > _LONGEST_NAME:
            self.fail(f"{where}: {shown(template)} has more than {_LONGEST_NAME} characters")
        if not copy:
            if _COPY_NUMBER.search(template):
                self.fail(f"{where}: {shown(template)}: only the copies of a unit have a number")
            return template
        return _COPY_NUMBER.sub(lambda m: str(int(m[1] or 1) * copy + int(m[2] or 0)), template)


def unknown_key(name: str, valid: Collection[str]) -> str:
    """Say that a name is not known, and name the nearest valid one, or the first twelve."""
    near = get_close_matches(name[:_LONGEST_NAME], list(valid), 1, 0.5)
    if near:
        return f"{shown(name)} is not known; the nearest is {shown(near[0])}"
    few = ", ".join(each[:40] for each in list(valid)[:12])
    return f"{shown(name)} is not known" + (f"; choose one of {few}" if few else "")
