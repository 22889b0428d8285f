"""Moves of the search: ways to make new patches out of good ones.

Every move keeps what is locked, and changes nothing that cannot be heard in the patch that it
starts from, so that no render is spent on a sound that is known already. Numbers move in the
task's vector, where every range is [-1, 1] and logarithmic scales are even.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cmaes import SepCMA
from jaxtyping import Bool, Float, Float32

from unsynth.errors import PatchError
from unsynth.inversion.candidates import Candidate
from unsynth.inversion.posterior import Posterior
from unsynth.metrics.fast import FastSpectral
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.task import Task

Patch = Float[np.ndarray, " parameters"]
#: Good candidates, best first.
Pool = Sequence[Candidate]

#: How far a mutation goes, in units of half a range: from the smallest to the largest.
_SMALLEST, _LARGEST = 0.01, 0.6
#: Chance that a mutation is confined to one unit, and that it moves one column of all units.
_ONE_UNIT, _ONE_COLUMN = 0.35, 0.1
#: Chance that a child keeps its parents' units whole, and that it is changed beyond what they have.
_WHOLE_UNITS, _ALSO_CHANGED = 0.5, 0.7
#: CMA-ES: its first step, and the generations without progress after which it starts anew.
_FIRST_STEP, _PATIENCE = 0.08, 12
#: Rounds in which numbers join or leave the set of those at a limit, at most.
_SETS = 12


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
        self.categorical = spec.categorical
        self.low = np.array([0.0 if isinstance(p, Categorical) else p.low for p in spec.parameters])
        self.high = np.array(
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
        held = np.clip(patch, self.low, self.high)
        held[self._held] = self._values
        return held

    def fixed(self, patch: Patch) -> dict[str, float]:
        """Say what stays where a model samples beside a patch: its note, and what is locked."""
        position, patch = self.task.spec.position, self.hold(patch)
        note = [name for name in ("note.pitch", "note.onset") if name in position]
        return {**{name: float(patch[position[name]]) for name in note}, **self.locked}

    def free(self, patch: Patch) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard and are not locked."""
        free = self.task.active(patch)
        free[self._held] = False
        return free

    def encode(
        self, patches: Sequence[Patch] | Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, "items d"]:
        """Encode patches, whatever their locked values."""
        return self.task.spec.encode(np.clip(np.stack(list(patches)), self.low, self.high))

    def moved(self, patch: Patch, x: Float[np.ndarray, " d"], chosen: np.ndarray) -> Patch:
        """Copy a patch with the chosen parameters as the vector ``x`` has them."""
        spec, child = self.task.spec, patch.copy()
        for position in chosen:
            child[position] = spec.parameters[position].decode(x[None, spec.slices[position]])[0]
        return child


class Move(ABC):
    """One way to make patches; ``batch`` is how many it likes to make at a time."""

    name: str
    batch: int
    #: Whether it has to know what was heard of all batches before it proposes, and of its own next.
    asks = False
    #: What a proposal costs beside its render, in renders.
    cost = 0.0

    @abstractmethod
    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Make about ``count`` patches out of good candidates, best first."""

    def learn(self, found: Sequence[Candidate]) -> None:  # noqa: B027
        """Take note of what has become of the last proposals; most moves need not know."""

    def watch(self, found: Sequence[Candidate]) -> None:  # noqa: B027
        """Take note of what has become of other moves' proposals."""

    @property
    def unfinished(self) -> bool:
        """Whether the last proposals only prepare the next, which should follow at once."""
        return False


def chosen_parent(pool: Pool, rng: np.random.Generator) -> Candidate:
    """Choose a candidate, better ones more often: the best of 24 is one in five."""
    return pool[int(len(pool) * rng.random() ** 2)]


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
        father = space.hold(aligned(space.task, space.hold(second.patch), mother))
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


@dataclass
class Slopes:
    """How a candidate's picture changes with its numbers: a row of ``rows`` a parameter, a unit."""

    centre: Candidate
    x: Float[np.ndarray, " d"]
    picture: Float32[np.ndarray, " cells"]
    parameters: np.ndarray
    rows: Float32[np.ndarray, "parameters cells"]


class Linear(Move):
    """Gauss-Newton: how each number changes the sound's picture, and what changes would fit it.

    A probe changes each number of a good candidate by itself. With the changes J of its picture f,
    the step d that solves

        min over d of  sum_j |t_j - f_j - (J d)_j| + a |d|^2,    within the ranges,

    brings it nearest to the target's picture t, as far as pictures are linear. After each step J is
    corrected by what has come of it (C. G. Broyden, "A Class of Methods for Solving Nonlinear
    Simultaneous Equations", Mathematics of Computation 19, 1965), and later probes measure only
    some of it anew.
    """

    name, batch, asks = "linear", 6, True
    #: How far a probe changes a number; a step is worth another if it gains so much, relatively.
    _PROBE, _WORTH = 0.08, 0.004
    #: Numbers that are measured anew where the others' slopes are known.
    _ANEW = 20

    def __init__(self, space: Space, distance: FastSpectral) -> None:
        self._space, self._distance = space, distance
        self._spent: set[bytes] = set()
        self._stepping = False
        self.slopes: Slopes | None = None

    @property
    def unfinished(self) -> bool:
        """After a probe a step follows, and another after one that was worth it."""
        return self._stepping

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Probe the best candidate, if it was not probed, or make steps of several lengths."""
        if self._stepping:
            assert self.slopes is not None
            return [
                self._stepped(self.slopes, stiffness, reach)
                for stiffness, reach in (
                    *((0.003, 0.4), (0.01, 0.1), (0.03, 0.2)),
                    *((0.1, 0.1), (0.3, 0.4), (1.0, 0.4)),
                )
            ]
        if pool[0].patch.tobytes() in self._spent:
            return []
        self._approach(pool[0])
        return self._probes(rng)

    def _stepped(self, slopes: Slopes, stiffness: float, reach: float) -> Patch:
        """Step to where the picture is nearest to the target's, by the slopes.

        ``stiffness`` is the weight of the step's own size, ``reach`` how far a number may go.
        """
        x, places = slopes.x.copy(), self._space.starts[slopes.parameters]
        missing = self._distance.target_picture - slopes.picture
        low, high = np.maximum(-reach, -1.0 - x[places]), np.minimum(reach, 1.0 - x[places])
        x[places] += fitted(slopes.rows, missing, stiffness, low, high)
        patch = self._space.hold(slopes.centre.patch)
        return self._space.moved(patch, x, slopes.parameters)

    def _approach(self, centre: Candidate) -> None:
        """Keep what is known of slopes where most numbers are as they were."""
        space, slopes = self._space, self.slopes
        self._base = space.hold(centre.patch)
        x, picture = space.encode([self._base])[0], self._distance.picture(centre.audio)
        free = np.flatnonzero(space.free(self._base) & ~space.categorical)
        rows = np.zeros((len(free), len(picture)), dtype=np.float32)
        known = np.zeros(len(free), dtype=bool)
        if slopes is not None:
            near = np.abs(x - slopes.x)[space.starts[free]] < 0.15
            others = space.categorical & (self._base != space.hold(slopes.centre.patch))
            if near.sum() > 0.7 * len(near) and not (others & space.free(self._base)).any():
                for k, position in enumerate(free):
                    at = np.flatnonzero(slopes.parameters == position)
                    if len(at) and near[k]:
                        rows[k], known[k] = slopes.rows[at[0]], True
        self.slopes = Slopes(centre, x, picture, free, rows)
        self._known = known

    def _probes(self, rng: np.random.Generator) -> list[Patch]:
        slopes, space = self.slopes, self._space
        assert slopes is not None
        wanted = ~self._known
        if self._known.any():
            sizes = np.abs(slopes.rows).mean(axis=1) + 1e-3
            anew = min(self._ANEW, int(self._known.sum()))
            chances = np.where(self._known, sizes, 0.0)
            wanted[rng.choice(len(sizes), anew, replace=False, p=chances / chances.sum())] = True
        probes = []
        for position in slopes.parameters[wanted]:
            place = space.starts[position]
            change = max(self._PROBE, 1.01 * space.least[position]) * rng.choice([-1.0, 1.0])
            if abs(slopes.x[place] + change) > 1.0:
                change = -change
            moved = slopes.x.copy()
            moved[place] = np.clip(slopes.x[place] + change, -1.0, 1.0)
            probes.append(space.moved(self._base, moved, np.array([position])))
        return probes

    def learn(self, found: Sequence[Candidate]) -> None:
        """Take slopes from a probe; go on from a step that was worth it."""
        slopes = self.slopes
        if slopes is None or not found:
            self._stepping = False
            return
        if not self._stepping:
            self._measure(found)
            self._spent.add(slopes.centre.patch.tobytes())
            self._stepping = True
            return
        best = min(found, key=lambda candidate: candidate.score)
        self._stepping = best.score < (1.0 - self._WORTH) * slopes.centre.score
        if best.score < slopes.centre.score:
            self._move(best)

    def _measure(self, found: Sequence[Candidate]) -> None:
        space, slopes = self._space, self.slopes
        assert slopes is not None
        for probe, x in zip(found, space.encode([c.patch for c in found]), strict=True):
            for position in np.flatnonzero(probe.patch != self._base):
                place, at = space.starts[position], np.flatnonzero(slopes.parameters == position)
                difference = self._distance.picture(probe.audio) - slopes.picture
                slopes.rows[at] = difference / np.float32(x[place] - slopes.x[place])

    def _move(self, to: Candidate) -> None:
        slopes, space = self.slopes, self._space
        assert slopes is not None
        x, picture = space.encode([to.patch])[0], self._distance.picture(to.audio)
        places = space.starts[slopes.parameters]
        step = (x - slopes.x)[places].astype(np.float32)
        missed = picture - slopes.picture - step @ slopes.rows
        slopes.rows += np.outer(step, missed) / max(float(step @ step), 1e-9)
        slopes.centre, slopes.x, slopes.picture = to, x, picture


def fitted(
    rows: Float32[np.ndarray, "parameters cells"],
    missing: Float32[np.ndarray, " cells"],
    stiffness: float,
    low: Float[np.ndarray, " parameters"],
    high: Float[np.ndarray, " parameters"],
) -> Float[np.ndarray, " parameters"]:
    """Find d within its limits that minimises ``sum |missing - d rows| + a |d|^2``.

    By least squares with weights that are anew 1 / |residual|, each solved for the numbers that
    are not at a limit.
    """
    step = np.zeros(len(rows))
    for _ in range(4):
        residual = missing - step.astype(np.float32) @ rows
        weighted = rows / np.maximum(np.abs(residual), 3.0)
        square, slope = (weighted @ rows.T).astype(float), (weighted @ missing).astype(float)
        square[np.diag_indices(len(rows))] += stiffness * np.trace(square) / len(rows) + 1e-9
        step = within(square, slope, low, high)
    return step


def within(
    square: Float[np.ndarray, "n n"],
    slope: Float[np.ndarray, " n"],
    low: Float[np.ndarray, " n"],
    high: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Minimise ``d square d / 2 - slope d`` with d within limits, by active sets.

    As :func:`scipy.optimize.lsq_linear` does on a Cholesky factor, in a twentieth of its time: a
    batch of six renders asks for it two dozen times.
    """
    at_limit = np.zeros(len(slope), dtype=bool)
    step = np.zeros(len(slope))
    for _ in range(_SETS):
        free = ~at_limit
        wanted = slope[free] - square[np.ix_(free, at_limit)] @ step[at_limit]
        step[free] = np.linalg.solve(square[np.ix_(free, free)], wanted)
        outside = free & ((step < low) | (step > high))
        step = np.clip(step, low, high)
        downhill = slope - square @ step
        inwards = at_limit & np.where(step <= low, downhill > 0, downhill < 0)
        if not (outside | inwards).any():
            break
        at_limit = (at_limit | outside) & ~inwards
    return step


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
