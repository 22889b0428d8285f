"""CMA-ES as a move."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move, choose_parent
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch

if TYPE_CHECKING:
    from cmaes import SepCMA

#: The initial step size of CMA-ES, in units of half a range.
_INITIAL_STEP = 0.08
#: CMA-ES restarts after this many generations in a row without progress.
_PATIENCE = 12


class Evolution(Move):
    """Run CMA-ES on the numeric parameters of a good candidate; its categories stay.

    R. Ros, N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space
    Complexity", PPSN 2008: one variance per parameter, because there are about a hundred
    parameters and only a few thousand renders. Without progress it restarts from another good
    candidate.
    """

    name = "CMA-ES"
    batch_size = 16
    needs_results = True

    def __init__(self, space: Space) -> None:
        self._space = space
        self._optimizer: SepCMA | None = None
        #: The present generation: the optimizer's vector for each patch.
        self._vectors: dict[bytes, Float[np.ndarray, " numbers"]] = {}
        self._best_score = np.inf
        self._stale_generations = 0

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Make one generation, whose size the optimizer sets."""
        if self._optimizer is None and not self._start(best, rng):
            return []
        assert self._optimizer is not None
        self._vectors = {}
        patches = []
        for _ in range(self._optimizer.population_size):
            vector = self._optimizer.ask()
            x = self._x.copy()
            x[self._coordinates] = vector
            patch = self._space.decode_at(self._centre, x, self._positions)
            self._vectors[patch.tobytes()] = vector
            patches.append(patch)
        return patches

    def learn(self, candidates: Sequence[Candidate]) -> None:
        """Pass on the scores; a patch without a score counts as worse than all others."""
        if self._optimizer is None:
            return
        scores = {c.patch.tobytes(): c.score for c in candidates}
        worst = 2.0 * max(scores.values(), default=1.0)
        pairs = [(vector, scores.get(key, worst)) for key, vector in self._vectors.items()]
        size = self._optimizer.population_size
        while len(pairs) < size:  # two vectors were rounded to one patch
            pairs.append(pairs[-1])
        self._optimizer.tell(pairs[:size])
        best_score = min(scores.values(), default=np.inf)
        progress = best_score < self._best_score
        self._stale_generations = 0 if progress else self._stale_generations + 1
        self._best_score = min(self._best_score, best_score)
        if self._stale_generations > _PATIENCE:
            self._optimizer = None

    def _start(self, best: Sequence[Candidate], rng: np.random.Generator) -> bool:
        from cmaes import SepCMA  # It imports scipy.stats, for which a match need not wait.

        centre = self._space.hold(choose_parent(best, rng).patch)
        self._positions = np.flatnonzero(self._space.free(centre) & ~self._space.categorical)
        if len(self._positions) < 2:
            return False
        self._centre, self._x = centre, self._space.encode([centre])[0]
        self._coordinates = self._space.coordinates[self._positions]
        self._optimizer = SepCMA(
            mean=self._x[self._coordinates],
            sigma=_INITIAL_STEP,
            bounds=np.tile([-1.0, 1.0], (len(self._positions), 1)),
            seed=int(rng.integers(2**31)),
        )
        self._best_score = np.inf
        self._stale_generations = 0
        return True
