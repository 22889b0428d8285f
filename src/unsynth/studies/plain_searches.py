"""Baseline searches without a model: a plain genetic search, and CMA-ES.

Both see only a judge's scores; they use neither units nor symmetries nor which parameters are
audible. Every patch they propose keeps the locked values.
"""

from collections.abc import Callable, Sequence

import numpy as np
from cmaes import CMA

from unsynth.search.candidates import Candidate, ScoreProposals
from unsynth.search.space import Space
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: Candidates that survive each generation of the genetic search.
PARENTS = 64
#: Chance that a parameter of a child mutates.
_MUTATION_CHANCE = 0.03
#: Standard deviation of a mutation, where a parameter ranges over [-1, 1].
_MUTATION_SIZE = 0.2
#: Initial step size of CMA-ES, where a parameter ranges over [-1, 1].
_FIRST_STEP = 0.3
#: CMA-ES starts from the best of this many draws.
_DRAWS = 16


def genetic(
    space: Space,
    start: Sequence[Candidate],
    judge: ScoreProposals,
    renders: int,
    rng: np.random.Generator,
) -> None:
    """Evolve ``start`` with a genetic algorithm for this many renders.

    Each of a child's two parents is the better of two random ones. A child takes each parameter
    from either parent and mutates some. The best 64 of parents and children survive.
    """
    parents = sorted(start, key=lambda candidate: candidate.score)[:PARENTS]
    while renders > 0 and parents:
        children = []
        for _ in range(min(PARENTS, renders)):
            first, second = (parents[min(rng.integers(len(parents), size=2))] for _ in range(2))
            either = rng.random(len(first.patch)) < 0.5
            child = _mutate(np.where(either, first.patch, second.patch), space.task, rng)
            children.append((space.hold(child), "genetic"))
        renders -= len(children)
        parents = sorted([*parents, *judge(children)], key=lambda c: c.score)[:PARENTS]


def evolution_strategy(
    space: Space,
    draw: Callable[[], Patch],
    judge: ScoreProposals,
    renders: int,
    rng: np.random.Generator,
) -> None:
    """Run CMA-ES on encoded patches from the best of 16 draws; restart it whenever it stops."""
    spec = space.task.spec
    while renders > 0:
        draws = [(space.hold(draw()), "CMA-ES") for _ in range(min(_DRAWS, renders))]
        renders -= len(draws)
        best = min(judge(draws), key=lambda candidate: candidate.score, default=None)
        if best is None:
            continue
        optimizer = CMA(
            mean=space.encode([best.patch])[0],
            sigma=_FIRST_STEP,
            bounds=np.tile([-1.0, 1.0], (spec.width, 1)),
            seed=int(rng.integers(2**31)),
            # In so many dimensions no sample lies within all bounds. cmaes tries 100 times before
            # it moves one inside; asking once is 27 times as fast.
            n_max_resampling=1,
        )
        while renders > 0 and not optimizer.should_stop():
            x = np.stack([optimizer.ask() for _ in range(optimizer.population_size)])
            patches = [space.hold(patch) for patch in spec.decode(x)][:renders]
            candidates = judge([(patch, "CMA-ES") for patch in patches])
            scores = {candidate.patch.tobytes(): candidate.score for candidate in candidates}
            renders -= len(patches)
            if renders <= 0:
                return
            # CMA-ES needs a score for every patch; a silent one has none.
            worst = 2.0 * max(scores.values(), default=1.0)
            optimizer.tell(
                [(v, scores.get(p.tobytes(), worst)) for v, p in zip(x, patches, strict=True)]
            )


def _mutate(patch: Patch, task: Task, rng: np.random.Generator) -> Patch:
    for i in np.flatnonzero(rng.random(len(patch)) < _MUTATION_CHANCE):
        parameter = task.spec.parameters[i]
        if isinstance(parameter, Categorical):
            patch[i] = rng.integers(parameter.width)
        else:
            x = parameter.encode(patch[i : i + 1], np.array([0.5]))
            patch[i] = parameter.decode(x + _MUTATION_SIZE * rng.standard_normal((1, 1)))[0]
    return patch
