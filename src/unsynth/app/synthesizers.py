"""The synthesizers that the page offers, and what is missing for the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unsynth.errors import UnsynthError
from unsynth.synths.plugins import bundles, find_bundle
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.parameter import Categorical, Integer, Parameter
from unsynth.tasks.task import Task

#: Tasks of the package, their names on the page, and the package or plugin that each needs.
_OWN = (
    ("dx7", "Yamaha DX7 (Dexed)", "dexed", "dx7"),
    ("vital-simple", "Vital", "vita", "vital"),
    ("vital-full", "Vital, all parameters", "vita", "vital"),
    ("surge-simple", "Surge XT", "pedalboard", "vst3"),
    ("surge-full", "Surge XT, all parameters", "pedalboard", "vst3"),
)


@dataclass(frozen=True)
class Choice:
    """A synthesizer on the page: ``missing`` says how to get it; empty where it is ready."""

    source: str
    name: str
    missing: str = ""


def choices(task_files: Sequence[Path]) -> list[Choice]:
    """List the package's synthesizers, the user's task files, and plugins without a task."""
    rows = [
        Choice(source, name, _missing(package, extra, source))
        for source, name, package, extra in _OWN
    ]
    used = set()
    for path in task_files:
        task = load_task(str(path))
        rows.append(Choice(task.source, task.name))
        used.add(task.name)
    for bundle in bundles():
        if "surge" not in bundle.stem.lower():
            missing = f"run: unsynth task init {str(bundle)!r}, then: unsynth app --task-file FILE"
            rows.append(Choice(str(bundle), bundle.stem, missing))
    return rows


def _missing(package: str, extra: str, source: str) -> str:
    if find_spec(package) is None:
        return f"run: pip install 'unsynth[{extra}]'"
    if source.startswith("surge"):
        try:
            find_bundle("Surge XT")
        except UnsynthError:
            return "install Surge XT 1.3 (VST3) from surge-synthesizer.github.io, then start again"
    return ""


@cache
def task_of(source: str) -> Task:
    """Load a task once."""
    return load_task(source)


def controls(task: Task) -> list[dict[str, Any]]:
    """Describe the parameters of a task as controls: ranges, steps, scales and choices."""
    return [_control(parameter) for parameter in task.spec.parameters]


def _control(parameter: Parameter) -> dict[str, Any]:
    if isinstance(parameter, Categorical):
        return {"name": parameter.name, "choices": list(parameter.choices)}
    row = {
        "name": parameter.name,
        "low": parameter.low,
        "high": parameter.high,
        "unit": parameter.unit,
    }
    if isinstance(parameter, Integer):
        return {**row, "step": 1, "log": False}
    return {**row, "step": parameter.step, "log": parameter.log}
