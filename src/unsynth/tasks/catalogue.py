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


def _dx7(engine_rate: int, source: str, symmetry: Path | None) -> Task:
    from unsynth.tasks.dx7.task import DX7Task

    return DX7Task(engine_rate, source, symmetry)


#: Tasks that have code of their own; arguments are the engine's rate, the name by which
#: :func:`load_task` loads the task, and the path of a ``symmetry.json``.
_CODED: dict[str, Callable[[int, str, Path | None], Task]] = {"dx7": _dx7}
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
    return _load_own(name, name, None, engine_rate)


def _load_own(name: str, source: str, symmetry: Path | None, engine_rate: int) -> Task:
    """Load one of unsynth's own tasks, with the exchanges of a ``symmetry.json`` if given."""
    name = _ALIASES.get(name, name)
    source = name if symmetry is None else source
    if name in _CODED:
        return _CODED[name](engine_rate, source, symmetry)
    if name in _DECLARED:
        with as_file(files("unsynth.tasks.declared")) as folder:
            content = read_yaml(folder / f"{name}.yaml")
            if symmetry is not None:
                content = {**content, "symmetry": str(symmetry)}
            return _declared(content, folder, source, engine_rate)
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
    if isinstance(content, dict) and "of" in content:
        own, symmetry = content["of"], content.get("symmetry")
        if len(content) != 2 or not isinstance(own, str) or not isinstance(symmetry, str):
            raise TaskError(
                f"{path}: a file with `of` has one other key, `symmetry`; both are text: the name "
                "of one of unsynth's own tasks, and the path of a symmetry.json"
            )
        return _load_own(own, str(absolute), absolute.parent / symmetry, engine_rate)
    task = _declared(content, absolute.parent, str(absolute), engine_rate)
    if task.name in (*_CODED, *_DECLARED):
        raise TaskError(f"{path}: task: {task.name!r} is one of unsynth's own; rename yours")
    return task


def _declared(content: Any, folder: Path, source: str, engine_rate: int) -> Task:
    from unsynth.tasks.declared.task import DeclaredTask

    return DeclaredTask(content, folder, source, engine_rate)
