"""Which knobs a sound determines: how far good candidates differ in each parameter.

The candidates that are nearly as near as the best are brought into its order by the task's
exchanges. For a parameter p that can be heard in the best, with encoded coordinates x_p,

    freedom_p = mean |x_p - best_p| over good ones  /  mean |x_p - best_p| over draws of the prior:

0 where all good candidates agree, about 1 where they are as different as random patches. Good
candidates of one search have ancestors in common, so a knob that seems determined may merely have
been inherited; one that seems free is free.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unsynth.matching.result import Knob, Spread
from unsynth.search.candidates import Candidate
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.task import Task

#: A candidate is good within this factor of the best score, or within these dB of it.
_FACTOR, _MARGIN = 1.25, 0.5
#: With fewer good candidates besides the best nothing can be said; more are not looked at.
FEWEST, _MOST = 5, 64
_DRAWS = 200


def spread(task: Task, ranked: Sequence[Candidate], rng: np.random.Generator) -> Spread | None:
    """Compare good candidates with the best one; ``None`` where they are too few."""
    best = ranked[0]
    limit = max(_FACTOR * best.score, best.score + _MARGIN)
    good = [candidate for candidate in ranked[1:] if candidate.score <= limit][:_MOST]
    if len(good) < FEWEST:
        return None
    spec = task.spec
    patches = np.stack([nearest_image(task, candidate.patch, best.patch) for candidate in good])
    heard = np.stack([task.active(patch) for patch in patches])
    apart = _apart(task, patches, best.patch)
    chance = _apart(task, np.stack([task.sample(rng) for _ in range(_DRAWS)]), best.patch)
    knobs = []
    for place in np.flatnonzero(task.active(best.patch)).tolist():
        rows, expected = heard[:, place], float(chance[:, place].mean())
        if rows.sum() < FEWEST or expected == 0.0:
            continue
        values = np.unique(np.append(patches[rows, place], best.patch[place]))
        if not isinstance(spec.parameters[place], Categorical):
            values = values[[0, -1]]
        freedom = float(apart[rows, place].mean()) / expected
        knobs.append(Knob(spec.names[place], tuple(values.tolist()), freedom))
    return Spread(len(good) + 1, limit, tuple(knobs))


def _apart(
    task: Task,
    patches: Float[np.ndarray, "items parameters"],
    best: Float[np.ndarray, " parameters"],
) -> Float[np.ndarray, "items parameters"]:
    spec = task.spec
    difference = np.abs(spec.encode(patches) - spec.encode(best[None]))
    return np.stack([difference[:, part].mean(axis=1) for part in spec.slices], axis=1)
