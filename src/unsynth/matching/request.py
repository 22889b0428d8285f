"""A user's request for a match, read and checked in one place for the command and for Python."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from unsynth.documents import printable
from unsynth.errors import UnsynthError
from unsynth.files import hash_file
from unsynth.matching.user_patches import UserPatches
from unsynth.search.judge import Distance
from unsynth.tasks.locks import Locks
from unsynth.tasks.spec import NamedPatch
from unsynth.tasks.task import Task

#: The most patches in a result: as many as a DX7 bank holds.
MOST_KEPT = 32


@dataclass(frozen=True)
class Request:
    """A request for a match: its limits, locks, starting patches, distance and seed.

    ``budget`` is the length of the match in seconds. ``renders`` limits the match to a number of
    renders instead; the result then depends on the seed alone. ``candidates`` is the number of
    posterior samples, and ``keep`` the largest number of patches in the result, no two of them
    alike. ``lock`` holds parameters to values (:meth:`~unsynth.tasks.locks.Locks.read`).
    ``start`` is a file with patches to start from, or patches by name.

    Raises :class:`~unsynth.errors.UnsynthError` for a number out of range, and
    :class:`~unsynth.errors.PatchError` for a lock or a patch that the task does not have.
    """

    task: Task
    budget: float = 20.0
    renders: int | None = None
    candidates: int = 16
    keep: int = 8
    lock: Mapping[str, int | float | str] = field(default_factory=dict)
    start: str | Path | Sequence[NamedPatch] = ()
    distance: Distance = Distance.FAST
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.keep <= MOST_KEPT:
            raise UnsynthError(f"{self.keep} patches to keep: choose 1 to {MOST_KEPT}")
        if self.candidates < 1:
            raise UnsynthError(f"{self.candidates} candidates: choose at least 1")
        if not self.budget > 0 or not math.isfinite(self.budget):
            raise UnsynthError(f"a budget of {self.budget:g} seconds: choose more than 0")
        if self.renders is not None and self.renders < 1:
            raise UnsynthError(f"{self.renders} renders: choose at least 1")
        if self.seed < 0:
            raise UnsynthError(f"a seed of {self.seed}: choose 0 or more")
        # Report bad input now, not in the middle of a match.
        _ = self.locks, self.user_patches

    @cached_property
    def locks(self) -> Locks:
        """The locked values."""
        return Locks.read(self.task, self.lock)

    @cached_property
    def user_patches(self) -> UserPatches:
        """The user's patches to start from."""
        return UserPatches.read(self.start, self.task)

    def share(self, fraction: float, most: int) -> tuple[int, float]:
        """Return the renders (at most ``most``) and the seconds for a fraction of the budget."""
        if self.renders is None:
            return most, fraction * self.budget
        return min(most, math.ceil(fraction * self.renders)), math.inf

    def settings(self, index: Path | None = None, model: Path | None = None) -> dict[str, Any]:
        """Describe the request for ``patch.json``; equal settings give equal results.

        Files are described by their content as well as by name. Raises
        :class:`~unsynth.errors.UnsynthError` for a file that cannot be read any more.
        """
        limit = {"budget": self.budget} if self.renders is None else {"renders": self.renders}
        return {
            "task": self.task.name,
            "task_hash": self.task.hash,
            "engine_rate": self.task.engine_rate,
            **limit,
            "candidates": self.candidates,
            "keep": self.keep,
            "locked": dict(self.locks.values),
            "distance": self.distance.value,
            "from": _describe(Path(self.start)) if isinstance(self.start, str | Path) else None,
            "index": None if index is None else _describe(index),
            "model": None if model is None else _describe(model),
            "seed": self.seed,
        }


def _describe(path: Path) -> dict[str, str]:
    try:
        return {"file": printable(path.name), "sha256": hash_file(path)}
    except OSError as error:
        raise UnsynthError(f"{path}: cannot be read ({error.strerror})") from None
