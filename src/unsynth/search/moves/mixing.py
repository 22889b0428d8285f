"""Moves that change or mix candidates: mutation, categories, crossover, a genetic population."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move, chosen_parent
from unsynth.search.space import Pool, Space
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.spec import Patch

#: How far a mutation goes, in units of half a range: from the smallest to the largest.
_SMALLEST, _LARGEST = 0.01, 0.6
#: Chance that a mutation is confined to one unit, and that it moves one column of all units.
_ONE_UNIT, _ONE_COLUMN = 0.35, 0.1
#: Chance that a child keeps its parents' units whole, and that it is changed beyond what they have.
_WHOLE_UNITS, _ALSO_CHANGED = 0.5, 0.7


class Mutation(Move):
    """Change a few numbers, by steps of all sizes."""

    name, batch = "mutation", 24

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make one mutant each of ``count`` parents."""
        parents = [self._space.hold(chosen_parent(pool, rng).patch) for _ in range(count)]
        return self.mutants(parents, rng)

    def mutants(self, parents: Sequence[Patch], rng: np.random.Generator) -> list[Patch]:
        """Make one mutant of each patch that has numbers to change."""
        space, mutants = self._space, []
        for parent, x in zip(parents, space.encode(parents), strict=True):
            chosen = self._chosen(space.free(parent) & ~space.categorical, rng)
            size = _SMALLEST * (_LARGEST / _SMALLEST) ** rng.random()
            change = size * rng.standard_normal(len(chosen))
            change = np.copysign(np.maximum(np.abs(change), space.least[chosen]), change)
            places = space.starts[chosen]
            x[places] = np.clip(x[places] + change, -1.0, 1.0)
            mutants.append(space.moved(parent, x, chosen))
        return mutants

    def _chosen(
        self, free: Bool[np.ndarray, " parameters"], rng: np.random.Generator
    ) -> np.ndarray:
        space, kind = self._space, rng.random()
        among = np.flatnonzero(free)
        if space.units and kind < _ONE_UNIT:
            among = space.units[rng.integers(len(space.units))]
        elif space.columns and kind < _ONE_UNIT + _ONE_COLUMN:
            column = space.columns[rng.integers(len(space.columns))]
            return column[free[column]]
        among = among[free[among]]
        return rng.choice(among, min(len(among), rng.geometric(0.4)), replace=False)


class Discrete(Move):
    """Change categories, and what a draw of the prior has otherwise."""

    name, batch = "discrete", 16

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Change one category of a parent, or take some values from a draw."""
        space, made = self._space, []
        for _ in range(count):
            parent = space.hold(chosen_parent(pool, rng).patch)
            free = np.flatnonzero(space.free(parent))
            categories = free[space.categorical[free]]
            if len(categories) and rng.random() < 0.4:
                at = rng.choice(categories)
                others = np.setdiff1d(np.arange(space.task.spec.parameters[at].width), parent[at])
                child = parent.copy()
                child[at] = rng.choice(others)
            else:
                draw = space.hold(space.task.sample(rng))
                if space.units and rng.random() < 0.5:
                    free = np.intersect1d(free, space.units[rng.integers(len(space.units))])
                chosen = rng.choice(free, min(len(free), rng.geometric(0.5)), replace=False)
                child = parent.copy()
                child[chosen] = draw[chosen]
            made.append(child)
        return made


class Crossover(Move):
    """Mix two candidates, after the second is aligned to the first, and change a little.

    Whole units and single other parameters come from either, or each parameter by itself.
    """

    name, batch = "crossover", 32

    def __init__(self, space: Space, mutation: Mutation) -> None:
        self._space, self._mutation = space, mutation

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make one child each of ``count`` pairs."""
        plain: list[Patch] = []
        to_change: list[Patch] = []
        for _ in range(count):
            first, second = chosen_parent(pool, rng), chosen_parent(pool, rng)
            if first is not second:
                child = self._child(first, second, rng)
                (to_change if rng.random() < _ALSO_CHANGED else plain).append(child)
        return plain + (self._mutation.mutants(to_change, rng) if to_change else [])

    def _child(self, first: Candidate, second: Candidate, rng: np.random.Generator) -> Patch:
        space = self._space
        mother = space.hold(first.patch)
        father = space.hold(nearest_image(space.task, space.hold(second.patch), mother))
        if rng.random() < _WHOLE_UNITS:
            taken = np.zeros(len(mother), dtype=bool)
            for block in space.blocks:
                taken[block] = rng.random() < 0.5
        else:
            taken = rng.random(len(mother)) < 0.5
        # What neither lets be heard would only hide what it is.
        taken &= space.free(mother) | space.free(father)
        return np.where(taken, father, mother)


class Genetic(Move):
    """A population of its own, which may become alike, and is all mixed by single numbers.

    Children take each parameter from either of two parents and change a few; the best of parents
    and children live on. The best that other moves find joins. It refines what the pool, whose
    members stay apart, does not.
    """

    name, batch = "genetic", 48
    _POPULATION, _CHANCE, _SIZE = 64, 0.03, 0.2

    def __init__(self, space: Space) -> None:
        self._space = space
        self._population: list[Candidate] = []

    def watch(self, found: Sequence[Candidate]) -> None:
        """Take in the best of what another move has found."""
        if found:
            self._join([min(found, key=lambda candidate: candidate.score)])

    def learn(self, found: Sequence[Candidate]) -> None:
        """Let the best live on."""
        self._join(found)

    def _join(self, found: Sequence[Candidate]) -> None:
        ranked = sorted([*self._population, *found], key=lambda candidate: candidate.score)
        self._population = ranked[: self._POPULATION]

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Mix and change two parents for each child, each the better of two."""
        space = self._space
        if len(self._population) < 2:
            return []
        mixed = []
        for _ in range(count):
            mother, father = (
                space.hold(self._population[min(rng.integers(len(self._population), size=2))].patch)
                for _ in range(2)
            )
            taken = (rng.random(len(mother)) < 0.5) & (space.free(mother) | space.free(father))
            mixed.append(np.where(taken, father, mother))
        children = []
        for child, x in zip(mixed, space.encode(mixed), strict=True):
            chosen = space.free(child) & ~space.categorical
            chosen = np.flatnonzero(chosen & (rng.random(len(child)) < self._CHANCE))
            places = space.starts[chosen]
            change = self._SIZE * rng.standard_normal(len(chosen))
            x[places] = np.clip(x[places] + change, -1.0, 1.0)
            children.append(space.moved(child, x, chosen))
        return children
