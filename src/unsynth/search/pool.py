"""The pool: the best candidates of a search, and a record of every patch it proposed."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch

#: The most candidates in the pool.
SIZE = 24
#: Two candidates are alike below this mean difference of their vectors, whose ranges are 2 wide.
ALIKE = 0.01
#: Weight of the pool's mean score, beside its best score, in the gain of a batch.
_MEAN_WEIGHT = 0.25


class Pool:
    """The best candidates, no two of them alike, and a record of every patch proposed.

    A better candidate replaces those that it is alike, so that one lineage under refinement does
    not displace all others.
    """

    def __init__(self, space: Space, start: Sequence[Candidate]) -> None:
        self._space = space
        #: The best candidates, best first.
        self.best: list[Candidate] = []
        self._vectors = np.empty((0, space.task.spec.width))
        self._keys: set[bytes] = set()
        self.drop_repeats([candidate.patch for candidate in start])
        self.add(start)

    def drop_repeats(self, patches: Sequence[Patch]) -> list[Patch]:
        """Return the patches that were not proposed before, and record them.

        Patches that differ only in inaudible parameters are the same.
        """
        new = []
        for patch in patches:
            key = np.where(self._space.task.active(patch), patch, np.nan).tobytes()
            if key not in self._keys:
                self._keys.add(key)
                new.append(patch)
        return new

    def add(self, candidates: Sequence[Candidate]) -> float:
        """Keep the best candidates; return the gain.

        The gain is how much the best score fell, plus a weighted fall of the mean score, relative
        to the best score.
        """
        if not candidates:
            return 0.0
        before = [candidate.score for candidate in self.best]
        vectors = self._space.encode([candidate.patch for candidate in candidates])
        for candidate, x in zip(candidates, vectors, strict=True):
            self._insert(candidate, x)
        after = [candidate.score for candidate in self.best]
        if not before or not after[0]:
            return 0.0
        mean_gain = float(np.mean(before) - np.mean(after))
        return (before[0] - after[0] + _MEAN_WEIGHT * mean_gain) / after[0]

    def _insert(self, candidate: Candidate, x: Float[np.ndarray, " d"]) -> None:
        alike = np.flatnonzero(np.abs(self._vectors - x).mean(axis=1) < ALIKE)
        if any(self.best[i].score <= candidate.score for i in alike):
            return
        others = np.setdiff1d(np.arange(len(self.best)), alike)
        best = [self.best[i] for i in others]
        rank = bisect_left([c.score for c in best], candidate.score)
        self.best = [*best[:rank], candidate, *best[rank:]][:SIZE]
        self._vectors = np.insert(self._vectors[others], rank, x, axis=0)[:SIZE]
