"""Searches without a model, to hold ours against: a plain genetic one, and CMA-ES.

Both see a judge's scores only, and make no use of units, symmetries or of what can be heard. What
a judge is given keeps the locked parameters.
"""

from collections.abc import Callable, Sequence

import numpy as np
from cmaes import CMA
from jaxtyping import Float

from unsynth.search.candidates import Candidate, ScoreProposals
from unsynth.search.space import Space
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.task import Task

#: The genetic search: how many live on, and the chance that a parameter changes, and by how much,
#: in units of half its range.
PARENTS = 64
_CHANCE, _SIZE = 0.03, 0.2
#: CMA-ES: its first step, and how many draws it takes the best of to start from.
_FIRST_STEP, _DRAWS = 0.3, 16

Patch = Float[np.ndarray, " parameters"]


def genetic(
    space: Space,
    start: Sequence[Candidate],
    judge: ScoreProposals,
    renders: int,
    rng: np.random.Generator,
) -> None:
    """Evolve ``start`` for so many renders.

    Two parents, each the better of two; each parameter from either, some of them changed; the best
    64 of parents and children live on.
    """
    parents = sorted(start, key=lambda candidate: candidate.score)[:PARENTS]
    while renders > 0 and parents:
        children = []
        for _ in range(min(PARENTS, renders)):
            first, second = (parents[min(rng.integers(len(parents), size=2))] for _ in range(2))
            either = rng.random(len(first.patch)) < 0.5
            child = _mutated(np.where(either, first.patch, second.patch), space.task, rng)
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
    """CMA-ES on the whole vector from the best of 16 draws; where it ends it begins again."""
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
        )
        while renders > 0 and not optimizer.should_stop():
            x = np.stack([optimizer.ask() for _ in range(optimizer.population_size)])
            patches = [space.hold(patch) for patch in spec.decode(x)][:renders]
            found = judge([(patch, "CMA-ES") for patch in patches])
            scores = {candidate.patch.tobytes(): candidate.score for candidate in found}
            renders -= len(patches)
            if renders <= 0:
                return
            worst = 2.0 * max(scores.values(), default=1.0)
            optimizer.tell(
                [(v, scores.get(p.tobytes(), worst)) for v, p in zip(x, patches, strict=True)]
            )


def _mutated(patch: Patch, task: Task, rng: np.random.Generator) -> Patch:
    for i in np.flatnonzero(rng.random(len(patch)) < _CHANCE):
        parameter = task.spec.parameters[i]
        if isinstance(parameter, Categorical):
            patch[i] = rng.integers(parameter.width)
        else:
            x = parameter.encode(patch[i : i + 1], np.array([0.5]))
            patch[i] = parameter.decode(x + _SIZE * rng.standard_normal((1, 1)))[0]
    return patch
