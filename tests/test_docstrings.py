"""The examples in docstrings give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import unsynth

ROOT = Path(unsynth.__file__).parent
MODULES = [
    ".".join(("unsynth", *path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name):
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("unsynth"):
            raise
        pytest.skip(f"needs {error.name}")
    assert doctest.testmod(module).failed == 0
