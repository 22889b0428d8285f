"""CMA-ES as a move."""

from collections.abc import Sequence

import numpy as np
from cmaes import SepCMA
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move, chosen_parent
from unsynth.search.space import Pool, Space
from unsynth.tasks.spec import Patch

#: CMA-ES: its first step, and the generations without progress after which it starts anew.
_FIRST_STEP, _PATIENCE = 0.08, 12


class Evolution(Move):
    """CMA-ES on the numbers of the best candidate, its categories held.

    R. Ros, N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space
    Complexity", PPSN 2008: a variance for each number, since there are a hundred of them and a
    few thousand renders. Where it stands still it starts anew from another good candidate.
    """

    name, asks = "CMA-ES", True

    def __init__(self, space: Space) -> None:
        self._space = space
        self._optimizer: SepCMA | None = None
        self._asked: dict[bytes, Float[np.ndarray, " numbers"]] = {}
        self._best, self._stale = np.inf, 0
        self.batch = 16

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Ask for a generation."""
        if self._optimizer is None and not self._start(pool, rng):
            return []
        assert self._optimizer is not None
        self._asked = {}
        patches = []
        for _ in range(self._optimizer.population_size):
            numbers = self._optimizer.ask()
            x = self._x.copy()
            x[self._places] = numbers
            patch = self._space.moved(self._centre, x, self._chosen)
            self._asked[patch.tobytes()] = numbers
            patches.append(patch)
        return patches

    def learn(self, found: Sequence[Candidate]) -> None:
        """Tell the scores; a patch that gave no sound is worse than all others."""
        if self._optimizer is None:
            return
        scores = {c.patch.tobytes(): c.score for c in found}
        worst = 2.0 * max(scores.values(), default=1.0)
        told = [(numbers, scores.get(key, worst)) for key, numbers in self._asked.items()]
        size = self._optimizer.population_size
        while len(told) < size:  # two that round to one patch
            told.append(told[-1])
        self._optimizer.tell(told[:size])
        best = min(scores.values(), default=np.inf)
        self._stale = 0 if best < self._best else self._stale + 1
        self._best = min(self._best, best)
        if self._stale > _PATIENCE:
            self._optimizer = None

    def _start(self, pool: Pool, rng: np.random.Generator) -> bool:
        centre = self._space.hold(chosen_parent(pool, rng).patch)
        self._chosen = np.flatnonzero(self._space.free(centre) & ~self._space.categorical)
        if len(self._chosen) < 2:
            return False
        self._centre, self._x = centre, self._space.encode([centre])[0]
        self._places = self._space.starts[self._chosen]
        self._optimizer = SepCMA(
            mean=self._x[self._places],
            sigma=_FIRST_STEP,
            bounds=np.tile([-1.0, 1.0], (len(self._chosen), 1)),
            seed=int(rng.integers(2**31)),
        )
        self._best, self._stale = np.inf, 0
        return True
