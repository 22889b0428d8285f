"""What a user asks of a match."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from unsynth.errors import UnsynthError
from unsynth.matching.user_patches import Given
from unsynth.search.judging import Distance

#: As many as a DX7 bank holds.
MOST_KEPT = 32


@dataclass(frozen=True)
class Request:
    """How to look for a sound's patches.

    ``budget`` is the seconds of the search; with ``renders`` it is that many renders instead, and
    the result depends on the seed alone. ``candidates`` are samples of the posterior, ``keep`` is
    how many patches come out at most, no two of them alike. ``locked`` holds parameters to values,
    as :func:`~unsynth.tasks.locks.read_locks` checks them.
    """

    budget: float = 20.0
    renders: int | None = None
    candidates: int = 16
    keep: int = 8
    locked: Mapping[str, float] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
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

    def share(self, fraction: float, most: int) -> tuple[int, float]:
        """Say how many of ``most`` renders, and how many seconds, a part of the work gets."""
        if self.renders is None:
            return most, fraction * self.budget
        return min(most, math.ceil(fraction * self.renders)), math.inf
