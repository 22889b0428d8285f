"""The best candidates of a search, and every patch it has tried."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch

#: How many candidates new ones are made of.
POOL = 24
#: Mean difference of two vectors, whose ranges are 2, below which they are much alike.
ALIKE = 0.01
#: What the pool's mean counts beside its best, where a move's gain is measured.
_MEAN = 0.25


class BestPool:
    """The best candidates, no two of them much alike, and all patches that were tried.

    One that is much like another takes its place if it is better, so that a lineage that is being
    refined does not push all others out.
    """

    def __init__(self, space: Space, start: Sequence[Candidate]) -> None:
        self._space = space
        self.best: list[Candidate] = []
        self._vectors = np.empty((0, space.task.spec.width))
        self._tried: set[bytes] = set()
        self.new([candidate.patch for candidate in start])
        self.add(start)

    def new(self, patches: Sequence[Patch]) -> list[Patch]:
        """Leave out patches that were tried, and remember the others."""
        new = []
        for patch in patches:
            heard = self._space.task.active(patch)
            key = np.where(heard, patch, np.nan).tobytes()
            if key not in self._tried:
                self._tried.add(key)
                new.append(patch)
        return new

    def add(self, found: Sequence[Candidate]) -> float:
        """Keep the best; return how much nearer its best and its mean have come, relatively."""
        if not found:
            return 0.0
        before = [candidate.score for candidate in self.best]
        for candidate, x in zip(found, self._space.encode([c.patch for c in found]), strict=True):
            self._insert(candidate, x)
        after = [candidate.score for candidate in self.best]
        if not before or not after[0]:
            return 0.0
        return (before[0] - after[0] + _MEAN * float(np.mean(before) - np.mean(after))) / after[0]

    def _insert(self, candidate: Candidate, x: Float[np.ndarray, " d"]) -> None:
        alike = np.flatnonzero(np.abs(self._vectors - x).mean(axis=1) < ALIKE)
        if any(self.best[i].score <= candidate.score for i in alike):
            return
        keep = np.setdiff1d(np.arange(len(self.best)), alike)
        best = [self.best[i] for i in keep]
        at = bisect_left([c.score for c in best], candidate.score)
        self.best = [*best[:at], candidate, *best[at:]][:POOL]
        self._vectors = np.insert(self._vectors[keep], at, x, axis=0)[:POOL]
