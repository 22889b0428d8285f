"""What a model is asked to invert: a synthesizer, its parameters, a note and a prior.

The prior must be equal for patches that sound equal: the paper (section 3) needs p(x) to be
invariant under the synthesizer's symmetries for p(x | y) to be so too.
"""

import os
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.errors import TaskError
from unsynth.synths.base import Note, Synth
from unsynth.tasks.spec import Spec


@runtime_checkable
class Task(Protocol):
    """A task; patches are ``(items, parameters)`` unless a method takes one."""

    name: str
    #: What :func:`load_task` finds it by, here and in other processes: its name, or a file's path.
    source: str
    spec: Spec

    @property
    def sample_rate(self) -> int:
        """Of the sounds, in Hz; known without the engine."""
        ...

    @property
    def channels(self) -> int:
        """Of the sounds; known without the engine."""
        ...

    @property
    def package(self) -> str:
        """The distribution that the engine comes in."""
        ...

    @property
    def hash(self) -> str:
        """Fingerprint of all that a draw and its sound depend on."""
        ...

    def synth(self) -> Synth[Any]:
        """Make an engine; raises :class:`~unsynth.errors.EngineError` where it is missing."""
        ...

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch from the prior."""
        ...

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the prior's density, up to one constant."""
        ...

    def note(self, patch: Float[np.ndarray, " parameters"]) -> Note:
        """Read the note out of a patch."""
        ...

    def with_note(
        self, patch: Float[np.ndarray, " parameters"], note: Note
    ) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with another note."""
        ...

    def engine_patch(self, patch: Float[np.ndarray, " parameters"]) -> Any:
        """Turn a patch into what the engine's ``render`` takes."""
        ...

    def export(self, patches: Float[np.ndarray, "items parameters"], folder: Path) -> list[Path]:
        """Write patches, best first, as files that the synthesizer opens."""
        ...

    def active(self, patch: Float[np.ndarray, " parameters"]) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard: changing an inactive one changes nothing."""
        ...

    def neutral(self, patch: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        """Copy a patch with every inactive parameter at its neutral value."""
        ...

    def musical(self, patch: Float[np.ndarray, " parameters"]) -> dict[str, Any]:
        """Describe a patch in musical units, ready for JSON; what cannot be heard is left out."""
        ...

    def symmetries(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges that leave this patch's sound and prior density as they are.

        Each row orders the coordinates of the encoded vector: ``decode(x[row])`` sounds like
        ``decode(x)``. The first row is the identity.
        """
        ...


def _dx7() -> Task:
    from unsynth.tasks.dx7 import DX7Task

    return DX7Task()


def _declared(name: str) -> Task:
    from unsynth.tasks.declared import DeclaredTask, parse

    text = files("unsynth.tasks").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    with as_file(files("unsynth.tasks")) as folder:
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
        from unsynth.tasks.declared import load_declared

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
