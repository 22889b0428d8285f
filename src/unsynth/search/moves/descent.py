"""Gradient descent on a sketch, as moves."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.downhill import Downhill
from unsynth.search.moves.move import Move
from unsynth.search.space import Pool, Space
from unsynth.tasks.spec import Patch


class Descent(Move):
    """Patches of many structures, each fitted to the target before it is compared.

    At first what the search begins with, then variants of the nearest patches of several
    structures, in part with the structure of a draw of the prior. Many go downhill a few steps,
    the nearest of them go on.
    """

    name, batch, cost = "descent", 16, 2.5
    #: Structures that variants are made of.
    _STRUCTURES = 12
    #: Variants made for each proposal, and how many of them go how many steps.
    _QUICK = 6, ((2, 10), (1, 30))
    #: The same where renders are granted, not seconds: six times the steps.
    _THOROUGH = 24, ((8, 10), (4, 30), (1, 120))
    #: How many of what the search begins with go how many steps; the last are proposed.
    _BEGINNINGS = ((96, 10), (32, 20), (12, 45))

    def __init__(
        self, space: Space, downhill: Downhill, start: Sequence[Patch], thorough: bool = False
    ) -> None:
        self._space, self._downhill, self._thorough = space, downhill, thorough
        self._start = [space.hold(patch) for patch in start]
        self._of_structure: dict[bytes, tuple[float, Patch]] = {}

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Fit ``count`` variants; the first time, what there is to begin with."""
        fitted = self._start
        rounds: tuple[tuple[int, int], ...] = self._BEGINNINGS
        self._start = []
        if not fitted:
            self.learn(pool)
            variants, each = self._THOROUGH if self._thorough else self._QUICK
            best = sorted(self._of_structure.values(), key=itemgetter(0))[: self._STRUCTURES]
            parents = [best[int(len(best) * rng.random() ** 2)][1] for _ in range(variants * count)]
            fitted = [self._variant(self._space.hold(parent), rng) for parent in parents]
            rounds = tuple((many * count, steps) for many, steps in each)
        losses = self._downhill.losses(fitted, rng)
        for many, steps in rounds:
            fitted, losses = self._downhill(_best(fitted, losses, many), steps, rng)
        return fitted

    def learn(self, found: Sequence[Candidate]) -> None:
        """Remember the nearest of each structure."""
        for candidate in found:
            heard = self._downhill.structure & self._space.free(candidate.patch)
            structure = candidate.patch[heard].tobytes()
            best = self._of_structure.get(structure)
            if best is None or candidate.score < best[0]:
                self._of_structure[structure] = candidate.score, candidate.patch

    def watch(self, found: Sequence[Candidate]) -> None:
        """Take other moves' finds for what they are."""
        self.learn(found)

    def _variant(self, parent: Patch, rng: np.random.Generator) -> Patch:
        """Take the structure of a unit or two, or what belongs to none, from a draw."""
        space, structure = self._space, self._downhill.structure
        heard = space.free(parent) & structure
        blocks = [block[structure[block]] for block in space.blocks if heard[block].any()]
        variant, draw = parent.copy(), space.task.sample(rng)
        for _ in range(rng.geometric(0.6) if blocks else 0):
            block = blocks[rng.integers(len(blocks))]
            variant[block] = draw[block]
        return space.hold(variant)


class Polish(Move):
    """Good candidates, fitted to the target on the sketch as their own sounds correct it."""

    name, batch, cost = "polish", 8, 2.75
    _STEPS = 40

    def __init__(self, space: Space, downhill: Downhill) -> None:
        self._space, self._downhill = space, downhill
        self._from: set[bytes] = set()

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Fit the best candidates that were not fitted yet."""
        fresh = [c for c in pool if c.patch.tobytes() not in self._from][:count]
        if not fresh:
            return []
        self._from.update(candidate.patch.tobytes() for candidate in fresh)
        patches = [self._space.hold(candidate.patch) for candidate in fresh]
        return self._downhill(patches, self._STEPS, rng, [c.audio for c in fresh])[0]


def _best(patches: Sequence[Patch], losses: Float[np.ndarray, " items"], count: int) -> list[Patch]:
    return [patches[i] for i in losses.argsort(kind="stable")[:count]]
