"""The tasks that come with unsynth, and how a task is found by its name or file."""

import os
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from unsynth.errors import TaskError
from unsynth.tasks.task import Task


def _dx7() -> Task:
    from unsynth.tasks.dx7.task import DX7Task

    return DX7Task()


def _declared(name: str) -> Task:
    from unsynth.tasks.declared.reader import parse
    from unsynth.tasks.declared.task import DeclaredTask

    text = files("unsynth.tasks.declared").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    with as_file(files("unsynth.tasks.declared")) as folder:
        return DeclaredTask(parse(text, name), folder, name)


#: Tasks with code of their own, those that are a file in this package, and short names.
_CODED: dict[str, Callable[[], Task]] = {"dx7": _dx7}
_DECLARED: tuple[str, ...] = ("surge-simple", "surge-full", "vital-simple", "vital-full")
_ALIASES: dict[str, str] = {"vital": "vital-simple"}


def is_task_file(name: str) -> bool:
    """Say whether a task's name is the path of a file, not that of a task in the package."""
    return name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name


def load_task(name: str) -> Task:
    """Find a task by its name, or read the file at this path.

    Raises :class:`TaskError` for an unknown name, or a file that describes no task.
    """
    if is_task_file(name):
        from unsynth.tasks.declared.task import load_declared

        task = load_declared(Path(name))
        if task.name in (*_CODED, *_DECLARED):
            raise TaskError(f"{name}: task: {task.name!r} is one of unsynth's own; rename yours")
        return task
    name = _ALIASES.get(name, name)
    if name in _CODED:
        return _CODED[name]()
    if name in _DECLARED:
        return _declared(name)
    known = ", ".join(sorted([*_CODED, *_DECLARED, *_ALIASES]))
    raise TaskError(f"no task named {name!r}; there is {known}, or give the path of a .yaml file")
