"""Samples of the posterior as moves."""

import numpy as np
from jaxtyping import Float32

from unsynth.models.posterior import Posterior
from unsynth.search.moves.move import Move, chosen_parent
from unsynth.search.space import Pool, Space
from unsynth.tasks.spec import Patch


class Sampling(Move):
    """Samples of the posterior on a good candidate's note, at several guidance scales in turn."""

    name, batch, cost = "posterior", 8, 1.0
    _SCALES = (1.0, 1.5, 2.0, 3.0)

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio
        self._calls = 0

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Sample with a note and what is locked fixed along the flow."""
        fixed = self._space.fixed(chosen_parent(pool, rng).patch)
        scale = self._SCALES[self._calls % len(self._SCALES)]
        self._calls += 1
        samples = self._posterior.sample(self._audio, count, rng, guidance=scale, fixed=fixed)
        return list(samples)


class Renoising(Move):
    """Good candidates, carried part of the way back to noise and again to data.

    The flow as a mutation that knows which values go together. Each batch starts at another time.
    """

    name, batch, cost = "re-noised", 8, 0.5
    _EARLIEST, _LATEST = 0.4, 0.95

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Disturb ``count`` candidates, all on the note of one of them."""
        parents = np.stack([self._space.hold(chosen_parent(pool, rng).patch) for _ in range(count)])
        start, fixed = rng.uniform(self._EARLIEST, self._LATEST), self._space.fixed(parents[0])
        return list(self._posterior.resample(self._audio, parents, start, rng, fixed=fixed))
