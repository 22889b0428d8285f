"""Moves that change or mix candidates: mutation, categories, crossover, a genetic population."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from jaxtyping import Bool, Int

from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move, choose_parent
from unsynth.search.space import Space
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.spec import Patch

#: The smallest size of a mutation, in units of half a range.
_SMALLEST = 0.01
#: The largest size of a mutation, in units of half a range.
_LARGEST = 0.6
#: The chance that a mutation changes one unit only.
_ONE_UNIT = 0.35
#: The chance that a mutation changes one parameter in all copies of a unit.
_ONE_COLUMN = 0.1
#: The chance that a child inherits units as wholes.
_WHOLE_UNITS = 0.5
#: The chance that a child is also mutated.
_MUTATED_CHILD = 0.7


class Mutation(Move):
    """Change a few numeric parameters, by steps of all sizes."""

    name = "mutation"
    batch_size = 24

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Make one mutant each of ``count`` parents."""
        parents = [self._space.hold(choose_parent(best, rng).patch) for _ in range(count)]
        return self.mutate(parents, rng)

    def mutate(self, parents: Sequence[Patch], rng: np.random.Generator) -> list[Patch]:
        """Make one mutant of each patch."""
        space, mutants = self._space, []
        for parent, x in zip(parents, space.encode(parents), strict=True):
            positions = self._choose_positions(space.free(parent) & ~space.categorical, rng)
            size = _SMALLEST * (_LARGEST / _SMALLEST) ** rng.random()
            change = size * rng.standard_normal(len(positions))
            least = space.least_change[positions]
            change = np.copysign(np.maximum(np.abs(change), least), change)
            coordinates = space.coordinates[positions]
            x[coordinates] = np.clip(x[coordinates] + change, -1.0, 1.0)
            mutants.append(space.decode_at(parent, x, positions))
        return mutants

    def _choose_positions(
        self, free: Bool[np.ndarray, " parameters"], rng: np.random.Generator
    ) -> Int[np.ndarray, " positions"]:
        space, kind = self._space, rng.random()
        choices = np.flatnonzero(free)
        if space.units and kind < _ONE_UNIT:
            choices = space.units[rng.integers(len(space.units))]
        elif space.columns and kind < _ONE_UNIT + _ONE_COLUMN:
            column = space.columns[rng.integers(len(space.columns))]
            return column[free[column]]
        choices = choices[free[choices]]
        return rng.choice(choices, min(len(choices), rng.geometric(0.4)), replace=False)


class Discrete(Move):
    """Change a category, or take values from a draw of the prior."""

    name = "discrete"
    batch_size = 16

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Change one category of each parent, or take some of its values from a draw."""
        space, children = self._space, []
        for _ in range(count):
            parent = space.hold(choose_parent(best, rng).patch)
            child = parent.copy()
            free = np.flatnonzero(space.free(parent))
            categories = free[space.categorical[free]]
            if len(categories) and rng.random() < 0.4:
                position = rng.choice(categories)
                choices = np.arange(space.task.spec.parameters[position].width)
                child[position] = rng.choice(np.setdiff1d(choices, parent[position]))
            else:
                draw = space.hold(space.task.sample(rng))
                if space.units and rng.random() < 0.5:
                    free = np.intersect1d(free, space.units[rng.integers(len(space.units))])
                positions = rng.choice(free, min(len(free), rng.geometric(0.5)), replace=False)
                child[positions] = draw[positions]
            children.append(child)
        return children


class Crossover(Move):
    """Mix two candidates, and mutate most of the children.

    Before mixing, the second parent is replaced by its image nearest to the first
    (:func:`~unsynth.tasks.alignment.nearest_image`). A child inherits either whole units and
    single other parameters, or each parameter by itself.
    """

    name = "crossover"
    batch_size = 32

    def __init__(self, space: Space, mutation: Mutation) -> None:
        self._space, self._mutation = space, mutation

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Make one child each of ``count`` pairs; a pair of one candidate has none."""
        final: list[Patch] = []
        to_mutate: list[Patch] = []
        for _ in range(count):
            first, second = choose_parent(best, rng), choose_parent(best, rng)
            if first is not second:
                child = self._make_child(first, second, rng)
                (to_mutate if rng.random() < _MUTATED_CHILD else final).append(child)
        return final + (self._mutation.mutate(to_mutate, rng) if to_mutate else [])

    def _make_child(self, first: Candidate, second: Candidate, rng: np.random.Generator) -> Patch:
        space = self._space
        mother = space.hold(first.patch)
        father = space.hold(nearest_image(space.task, space.hold(second.patch), mother))
        if rng.random() < _WHOLE_UNITS:
            from_father = np.zeros(len(mother), dtype=bool)
            for block in space.blocks:
                from_father[block] = rng.random() < 0.5
        else:
            from_father = rng.random(len(mother)) < 0.5
        # Values that are inaudible in both parents were never tested: keep the mother's.
        from_father &= space.free(mother) | space.free(father)
        return np.where(from_father, father, mother)


class Genetic(Move):
    """Evolve a population of its own, whose members may become alike.

    Children take each parameter from either of two parents and change a few; the best of parents
    and children live on. The best candidate of each batch of the other moves joins. This move
    refines patches that the pool cannot, since the pool's members stay apart.
    """

    name = "genetic"
    batch_size = 48
    _POPULATION = 64
    #: The chance that a numeric parameter is changed.
    _CHANCE = 0.03
    #: The standard deviation of a change, in units of half a range.
    _SIZE = 0.2

    def __init__(self, space: Space, start: Sequence[Candidate] = ()) -> None:
        self._space = space
        #: Scores and patches, best first; their sounds would take much memory.
        self._population: list[tuple[float, Patch]] = []
        self._join(start)

    def learn(self, candidates: Sequence[Candidate]) -> None:
        """Add the children, and let the best live on."""
        self._join(candidates)

    def learn_from_others(self, candidates: Sequence[Candidate]) -> None:
        """Add the best candidate of another move's batch."""
        if candidates:
            self._join([min(candidates, key=lambda candidate: candidate.score)])

    def _join(self, candidates: Sequence[Candidate]) -> None:
        members = [*self._population, *((each.score, each.patch) for each in candidates)]
        self._population = sorted(members, key=itemgetter(0))[: self._POPULATION]

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Mix two parents for each child, each the better of two, and change it."""
        space = self._space
        if len(self._population) < 2:
            return []
        mixed = []
        for _ in range(count):
            members = [
                self._population[min(rng.integers(len(self._population), size=2))] for _ in range(2)
            ]
            mother, father = (space.hold(patch) for _, patch in members)
            from_father = rng.random(len(mother)) < 0.5
            from_father &= space.free(mother) | space.free(father)
            mixed.append(np.where(from_father, father, mother))
        children = []
        for child, x in zip(mixed, space.encode(mixed), strict=True):
            numeric = space.free(child) & ~space.categorical
            positions = np.flatnonzero(numeric & (rng.random(len(child)) < self._CHANCE))
            coordinates = space.coordinates[positions]
            change = self._SIZE * rng.standard_normal(len(positions))
            x[coordinates] = np.clip(x[coordinates] + change, -1.0, 1.0)
            children.append(space.decode_at(child, x, positions))
        return children
