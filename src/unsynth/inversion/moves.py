"""Moves of the search: ways to make new patches out of good ones.

Every move keeps what is locked, and changes nothing that cannot be heard in the patch that it
starts from, so that no render is spent on a sound that is known already. Numbers move in the
task's vector, where every range is [-1, 1] and logarithmic scales are even.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from cmaes import SepCMA
from jaxtyping import Bool, Float, Float32

from unsynth.errors import PatchError
from unsynth.inversion.candidates import Candidate
from unsynth.inversion.posterior import Posterior
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.task import Task

Patch = Float[np.ndarray, " parameters"]
#: Good candidates, best first.
Pool = Sequence[Candidate]

#: How far a mutation goes, in units of half a range: from the smallest to the largest.
_SMALLEST, _LARGEST = 0.01, 0.6
#: Chance that a mutation is confined to one unit, and that it moves one column of all units.
_ONE_UNIT, _ONE_COLUMN = 0.35, 0.1
#: CMA-ES: its first step, and the generations without progress after which it starts anew.
_FIRST_STEP, _PATIENCE = 0.08, 12


class Space:
    """What a search may change: a task's parameters without the locked ones."""

    def __init__(self, task: Task, locked: Mapping[str, float] = {}) -> None:
        """Raises :class:`PatchError` for a lock on a parameter that the task has not."""
        spec = task.spec
        unknown = [name for name in locked if name not in spec.position]
        if unknown:
            raise PatchError(f"{unknown[0]}: task {task.name} has no such parameter to lock")
        self.task, self.locked = task, locked
        self._held = np.array([spec.position[name] for name in locked], dtype=int)
        self._values = np.array([float(value) for value in locked.values()])
        self.categorical = np.array([isinstance(p, Categorical) for p in spec.parameters])
        self._low = np.array(
            [0.0 if isinstance(p, Categorical) else p.low for p in spec.parameters]
        )
        self._high = np.array(
            [p.width - 1.0 if isinstance(p, Categorical) else p.high for p in spec.parameters]
        )
        #: The least change of a vector that changes a whole number.
        self.least = np.array(
            [2.0 / p.count if isinstance(p, Integer) else 0.0 for p in spec.parameters]
        )
        #: The first coordinate of each parameter.
        self.starts = np.array([s.start for s in spec.slices])
        in_units = [position for unit in spec.units for copy in unit.members for position in copy]
        note = [i for i, name in enumerate(spec.names) if name.startswith("note.")]
        rest = np.setdiff1d(np.arange(len(spec.names)), [*in_units, *note])
        #: Units, single parameters that belong to none, and the note.
        self.units = [np.array(copy) for unit in spec.units for copy in unit.members]
        self.blocks = [*self.units, *(np.array([p]) for p in rest), np.array(note, dtype=int)]
        #: The same parameter of all copies of a unit.
        self.columns = [np.array(c) for u in spec.units for c in zip(*u.members, strict=True)]

    def hold(self, patch: Patch) -> Patch:
        """Copy a patch with its locked values, and the others within the task's ranges."""
        held = np.clip(patch, self._low, self._high)
        held[self._held] = self._values
        return held

    def free(self, patch: Patch) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard and are not locked."""
        free = self.task.active(patch)
        free[self._held] = False
        return free

    def encode(
        self, patches: Sequence[Patch] | Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, "items d"]:
        """Encode patches, whatever their locked values."""
        return self.task.spec.encode(np.clip(np.stack(list(patches)), self._low, self._high))

    def moved(self, patch: Patch, x: Float[np.ndarray, " d"], chosen: np.ndarray) -> Patch:
        """Copy a patch with the chosen parameters as the vector ``x`` has them."""
        child = patch.copy()
        child[chosen] = self.task.spec.decode(x[None])[0, chosen]
        return child


class Move(ABC):
    """One way to make patches; ``batch`` is how many it likes to make at a time."""

    name: str
    batch: int

    @abstractmethod
    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make about ``count`` patches out of good candidates, best first."""

    def learn(self, found: Sequence[Candidate]) -> None:  # noqa: B027
        """Take note of what has become of the last proposals; most moves need not know."""


def chosen_parent(pool: Pool, rng: np.random.Generator) -> Candidate:
    """Choose a candidate, better ones more often: the best of ten about three times as often."""
    return pool[int(len(pool) * rng.random() ** 2)]


class Mutation(Move):
    """Change a few parameters: by steps of all sizes, or to what a draw of the prior has."""

    name, batch = "mutation", 24

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make one mutant each of ``count`` parents."""
        space = self._space
        parents = [space.hold(chosen_parent(pool, rng).patch) for _ in range(count)]
        encoded = space.encode(parents)
        mutants = []
        for parent, x in zip(parents, encoded, strict=True):
            numbers = space.free(parent) & ~space.categorical
            chosen = self._chosen(numbers, rng)
            if len(chosen):
                mutants.append(self._moved(parent, x, chosen, rng))
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

    def _moved(
        self,
        parent: Patch,
        x: Float[np.ndarray, " d"],
        chosen: np.ndarray,
        rng: np.random.Generator,
    ) -> Patch:
        size = _SMALLEST * (_LARGEST / _SMALLEST) ** rng.random()
        places = self._space.starts[chosen]
        change = size * rng.standard_normal(len(chosen))
        change = np.copysign(np.maximum(np.abs(change), self._space.least[chosen]), change)
        x = x.copy()
        x[places] = np.clip(x[places] + change, -1.0, 1.0)
        return self._space.moved(parent, x, chosen)


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
    """Exchange units between two candidates, after the second is aligned to the first."""

    name, batch = "crossover", 24

    def __init__(self, space: Space) -> None:
        self._space = space

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make one child each of ``count`` pairs."""
        if len(pool) < 2:
            return []
        space, children = self._space, []
        for _ in range(count):
            first = chosen_parent(pool, rng)
            second = pool[int(rng.integers(len(pool)))]
            if first is second:
                continue
            mother = space.hold(first.patch)
            father = space.hold(aligned(space.task, space.hold(second.patch), mother))
            taken = [b for b in space.blocks if len(b) and rng.random() < 0.4]
            if taken:
                chosen = np.concatenate(taken)
                # What neither can hear would only hide what it is.
                heard = space.free(mother) | space.free(father)
                chosen = chosen[heard[chosen]]
                child = mother.copy()
                child[chosen] = father[chosen]
                children.append(child)
        return children


def aligned(task: Task, patch: Patch, to: Patch) -> Patch:
    """Find the image of a patch, under its task's symmetries, that is nearest to another patch.

    The sound stays the same. What cannot be heard in either patch does not count.
    """
    heard = [task.active(patch), task.active(to)]
    x, wanted = task.spec.encode(np.stack([patch, to]))
    widths = [p.width for p in task.spec.parameters]
    weights = [np.repeat(mask, widths).astype(float) for mask in heard]
    images = task.symmetries(patch)
    distances = (np.maximum(weights[0][images], weights[1]) * (x[images] - wanted) ** 2).sum(axis=1)
    nearest = int(distances.argmin())
    return patch if nearest == 0 else task.spec.decode(x[images[nearest]][None])[0]


class Evolution(Move):
    """CMA-ES on the numbers of the best candidate, its categories held.

    R. Ros, N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space
    Complexity", PPSN 2008: a variance for each number, since there are a hundred of them and a
    few thousand renders. Where it stands still it starts anew from another good candidate.
    """

    name = "CMA-ES"

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


class Sampling(Move):
    """Samples of the posterior, at several guidance scales in turn."""

    name, batch = "posterior", 8
    _SCALES = (1.0, 1.5, 2.0, 3.0)

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio
        self._calls = 0

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Sample with what is locked fixed along the flow."""
        scale = self._SCALES[self._calls % len(self._SCALES)]
        self._calls += 1
        samples = self._posterior.sample(
            self._audio, count, rng, guidance=scale, fixed=self._space.locked
        )
        return list(samples)


class Renoising(Move):
    """Good candidates, carried part of the way back to noise and again to data.

    The flow as a mutation that knows which values go together. Each batch starts at another time.
    """

    name, batch = "re-noised", 8
    _EARLIEST, _LATEST = 0.4, 0.95

    def __init__(
        self, space: Space, posterior: Posterior, audio: Float32[np.ndarray, "channels samples"]
    ) -> None:
        self._space, self._posterior, self._audio = space, posterior, audio

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Disturb ``count`` candidates; what cannot be heard in them stays."""
        parents = np.stack([self._space.hold(chosen_parent(pool, rng).patch) for _ in range(count)])
        start = rng.uniform(self._EARLIEST, self._LATEST)
        return list(
            self._posterior.resample(self._audio, parents, start, rng, fixed=self._space.locked)
        )
