"""Posterior samples as moves."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move, choose_parent
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch


class Sampling(Move):
    """Draw posterior samples on a good candidate's note, at several guidance scales in turn."""

    name = "posterior"
    batch_size = 8
    extra_cost = 1.0
    _SCALES = (1.0, 1.5, 2.0, 3.0)

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio
        self._calls = 0

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Sample with a candidate's note and the locked values fixed."""
        fixed = self._space.fixed_values(choose_parent(best, rng).patch)
        scale = self._SCALES[self._calls % len(self._SCALES)]
        self._calls += 1
        samples = self._posterior.sample(self._audio, count, rng, guidance=scale, fixed=fixed)
        return list(samples)


class Renoising(Move):
    """Carry good candidates part of the way back to noise, and to data again.

    This is a mutation by the flow, which knows which values go together. Each batch goes back to
    another time.
    """

    name = "re-noised"
    batch_size = 8
    extra_cost = 0.5
    #: The earliest and the latest time to go back to.
    _TIMES = (0.4, 0.95)

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Re-noise ``count`` candidates, all on the note of one of them."""
        parents = np.stack([self._space.hold(choose_parent(best, rng).patch) for _ in range(count)])
        start, fixed = rng.uniform(*self._TIMES), self._space.fixed_values(parents[0])
        return list(self._posterior.resample(self._audio, parents, start, rng, fixed=fixed))
