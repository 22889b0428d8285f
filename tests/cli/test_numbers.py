"""Every number out of range, of every option of every command, is refused before any work.

The tests read the options from the commands, so a new numeric option is covered without a change
here, and one without bounds fails.
"""

import math

import click
import pytest

from tests.commands import command_paths, failing
from unsynth.cli.main import commands
from unsynth.matching.request import MOST_KEPT

#: Numbers without a lower or an upper bound, with the reason. Integers of more than 64 bits, and
#: infinite or enormous floats, are refused nevertheless.
NO_LOWER_BOUND: dict[tuple[str, str], str] = {}
HUGE_INTEGER, HUGE_FLOAT = 10**30, 1e300


def numeric_options() -> list[tuple[str, click.Parameter]]:
    """The command and the parameter of every number that a user can type."""
    numeric = (click.types.IntParamType, click.types.FloatParamType)
    return [
        (path, parameter)
        for path, command in command_paths(commands)
        for parameter in command.params
        if isinstance(parameter.type, numeric)
    ]


OPTIONS = numeric_options()


def wrong_values(kind: click.ParamType) -> list[str]:
    """Values that a numeric type has to refuse."""
    low, high = getattr(kind, "min", None), getattr(kind, "max", None)
    values: list[object] = ["nan", "inf", "-inf", "-1e30", "many", "", HUGE_FLOAT]
    if isinstance(kind, click.types.IntParamType):
        values += [HUGE_INTEGER, -HUGE_INTEGER, "1.5"]
        values += [low - 1] if low is not None else []
        values += [high + 1] if high is not None else []
    else:
        if low is not None:
            assert isinstance(kind, click.FloatRange)
            values += [low - 1e-6, low - 1.0] + ([low] if kind.min_open else [])
        values += [high + 1e-6] if high is not None else []
    return [str(value) for value in values]


def ids(option: tuple[str, click.Parameter]) -> str:
    return f"{option[0]} {option[1].name}"


def test_there_are_numeric_options_in_every_part():
    assert {"match", "index", "data show", "reproduce search"} <= {path for path, _ in OPTIONS}
    assert len(OPTIONS) > 50


@pytest.mark.parametrize("option", OPTIONS, ids=ids)
def test_a_number_out_of_range_is_one_line(option, capsys, tmp_path, monkeypatch):
    path, parameter = option
    monkeypatch.chdir(tmp_path)
    for value in wrong_values(parameter.type):
        # Other arguments are missing: the line names this option only if it is checked first.
        line = failing(capsys, *path.split(), f"{parameter.opts[0]}={value}")
        assert f"Invalid value for '{parameter.opts[0]}'" in line, line
        assert len(line) < 200
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", OPTIONS, ids=ids)
def test_every_number_has_a_lower_bound_and_a_default_in_range(option):
    path, parameter = option
    kind = parameter.type
    assert (path, parameter.name) in NO_LOWER_BOUND or getattr(kind, "min", None) is not None
    default = parameter.get_default(click.Context(commands))
    for value in default if isinstance(default, tuple) else (default,):
        if isinstance(value, int | float):
            assert math.isclose(kind.convert(value, parameter, None), value)


def test_an_unbounded_float_would_be_noticed():
    """A plain range of click accepts nan, so the values above do tell the types apart."""
    assert math.isnan(click.FloatRange(0.0, 1.0).convert("nan", None, None))
    assert "nan" in wrong_values(click.FloatRange(0.0, 1.0))


def test_match_keeps_as_many_patches_as_a_request_may():
    (keep,) = [p for path, p in OPTIONS if (path, p.name) == ("match", "keep")]
    assert keep.type.max == MOST_KEPT
