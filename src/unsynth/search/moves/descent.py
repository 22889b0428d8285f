"""Gradient descent on a sketch, as moves."""

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch

if TYPE_CHECKING:
    from unsynth.search.downhill import Downhill


class Descent(Move):
    """Fit patches of many structures to the target on the sketch, before they are rendered.

    The first batch fits the patches that the search starts from. Later batches fit variants of the
    best candidates of several structures; each takes part of its structure from a draw of the
    prior. Many patches descend for a few steps, and the best of them descend further.

    ``thorough`` descents take six times the steps per proposal.
    """

    name = "descent"
    batch_size = 16
    extra_cost = 2.5
    #: The most structures that parents are taken from, the best ones.
    _STRUCTURES = 12
    #: Variants per proposal, and rounds: how many of them, per proposal, descend how many steps.
    _QUICK = 6, ((2, 10), (1, 30))
    #: The same for thorough descents.
    _THOROUGH = 24, ((8, 10), (4, 30), (1, 120))
    #: Rounds of the first batch: how many patches descend how many steps; the last are proposed.
    _FIRST_ROUNDS = ((96, 10), (32, 20), (12, 45))

    def __init__(
        self, space: Space, downhill: "Downhill", start: Sequence[Patch], thorough: bool = False
    ) -> None:
        self._space, self._downhill, self._thorough = space, downhill, thorough
        held = (space.hold(patch) for patch in start)
        self._start = list({patch.tobytes(): patch for patch in held}.values())
        #: The best score and its patch, per structure.
        self._best_by_structure: dict[bytes, tuple[float, Patch]] = {}

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Fit ``count`` variants, or in the first batch the patches that the search starts from."""
        patches = self._start
        rounds: tuple[tuple[int, int], ...] = self._FIRST_ROUNDS
        self._start = []
        if not patches:
            self.learn(best)
            variants, rounds_each = self._THOROUGH if self._thorough else self._QUICK
            ranked = sorted(self._best_by_structure.values(), key=itemgetter(0))
            ranked = ranked[: self._STRUCTURES]
            parents = [
                ranked[int(len(ranked) * rng.random() ** 2)][1] for _ in range(variants * count)
            ]
            patches = [self._make_variant(self._space.hold(parent), rng) for parent in parents]
            rounds = tuple((number * count, steps) for number, steps in rounds_each)
        losses = self._downhill.losses(patches, rng)
        for number, steps in rounds:
            patches, losses = self._downhill.fit(_choose_best(patches, losses, number), steps, rng)
        return patches

    def learn(self, candidates: Sequence[Candidate]) -> None:
        """Remember the best candidate of each structure.

        A structure here is all that descent cannot fit: the audible, unlocked parameters in which
        the sketch has no gradients. :func:`unsynth.tasks.structure.structure` has categories only.
        """
        for candidate in candidates:
            mask = self._downhill.structure & self._space.free(candidate.patch)
            structure = np.where(mask, candidate.patch, np.nan).tobytes()
            best = self._best_by_structure.get(structure)
            if best is None or candidate.score < best[0]:
                self._best_by_structure[structure] = candidate.score, candidate.patch

    def learn_from_others(self, candidates: Sequence[Candidate]) -> None:
        """Learn from other moves' candidates as from its own."""
        self.learn(candidates)

    def _make_variant(self, parent: Patch, rng: np.random.Generator) -> Patch:
        """Take the structure of a few blocks, such as operators, from a draw of the prior."""
        space, structure = self._space, self._downhill.structure
        free = space.free(parent) & structure
        blocks = [block[structure[block]] for block in space.blocks if free[block].any()]
        variant, draw = parent.copy(), space.task.sample(rng)
        for _ in range(rng.geometric(0.6) if blocks else 0):
            block = blocks[rng.integers(len(blocks))]
            variant[block] = draw[block]
        return space.hold(variant)


class Polish(Move):
    """Fit good candidates to the target on the sketch, corrected by the candidates' sounds.

    If renders are dear, it keeps its turn as long as it finds a new best candidate.
    """

    name = "polish"
    batch_size = 8
    extra_cost = 2.75
    _STEPS = 40

    def __init__(self, space: Space, downhill: "Downhill") -> None:
        self._space, self._downhill = space, downhill
        #: Patches of candidates that were fitted before.
        self._parents: set[bytes] = set()
        self.needs_results = downhill.dear_renders
        #: The best score when the last batch was proposed, and whether the batch improved on it.
        self._best_score, self._improved = math.inf, False

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Fit the best candidates, each only once."""
        self._best_score, self._improved = best[0].score, False
        parents = [c for c in best if c.patch.tobytes() not in self._parents][:count]
        if not parents:
            return []
        self._parents.update(candidate.patch.tobytes() for candidate in parents)
        patches = [self._space.hold(candidate.patch) for candidate in parents]
        sounds = [candidate.audio for candidate in parents]
        return self._downhill.fit(patches, self._STEPS, rng, sounds)[0]

    def learn(self, candidates: Sequence[Candidate]) -> None:
        """Note whether there is a new best candidate."""
        self._improved = any(each.score < self._best_score for each in candidates)

    @property
    def keeps_turn(self) -> bool:
        """Whether the last batch found a new best candidate, and renders are dear."""
        return self._downhill.dear_renders and self._improved


def _choose_best(
    patches: Sequence[Patch], losses: Float[np.ndarray, " items"], count: int
) -> list[Patch]:
    return [patches[i] for i in losses.argsort(kind="stable")[:count]]
