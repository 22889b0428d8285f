"""The tasks by name: those in this package, and users' files."""

import os
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from unsynth.conventions import SAMPLE_RATE
from unsynth.documents import DocumentError, read_yaml
from unsynth.errors import TaskError
from unsynth.synths.project_rate import check_rate
from unsynth.tasks.task import Task


def _dx7(engine_rate: int) -> Task:
    from unsynth.tasks.dx7.task import DX7Task

    return DX7Task(engine_rate)


#: Tasks that have code of their own.
_CODED: dict[str, Callable[[int], Task]] = {"dx7": _dx7}
#: Tasks that are declared by a file in ``tasks/declared``.
_DECLARED: tuple[str, ...] = ("surge-simple", "surge-full", "vital-simple", "vital-full")
#: Other names of these tasks.
_ALIASES: dict[str, str] = {"vital": "vital-simple"}


def is_task_file(name: str) -> bool:
    """Say whether a task's name is the path of a file, not the name of a task in this package."""
    return name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name


def load_task(name: str, engine_rate: int = SAMPLE_RATE) -> Task:
    """Load a task by its name or the path of its file; its engine runs at a sample rate in Hz.

    Raises :class:`TaskError` for an unknown name, a file that describes no task, or a rate out of
    range.
    """
    check_rate(engine_rate)
    if is_task_file(name):
        return _load_file(Path(name), engine_rate)
    name = _ALIASES.get(name, name)
    if name in _CODED:
        return _CODED[name](engine_rate)
    if name in _DECLARED:
        with as_file(files("unsynth.tasks.declared")) as folder:
            return _declared(read_yaml(folder / f"{name}.yaml"), folder, name, engine_rate)
    names = ", ".join(sorted([*_CODED, *_DECLARED, *_ALIASES]))
    raise TaskError(
        f"there is no task named {name!r}; choose one of {names}, or give the path of a .yaml file"
    )


def _load_file(path: Path, engine_rate: int) -> Task:
    absolute = path.expanduser().absolute()
    try:
        content = read_yaml(absolute)
    except OSError as error:
        raise TaskError(f"{path}: this task file cannot be read ({error.strerror})") from None
    except DocumentError as error:
        raise TaskError(f"{path}: this task file cannot be read: {error}") from None
    task = _declared(content, absolute.parent, str(absolute), engine_rate)
    if task.name in (*_CODED, *_DECLARED):
        raise TaskError(f"{path}: task: {task.name!r} is one of unsynth's own; rename yours")
    return task


def _declared(content: Any, folder: Path, source: str, engine_rate: int) -> Task:
    from unsynth.tasks.declared.task import DeclaredTask

    return DeclaredTask(content, folder, source, engine_rate)
