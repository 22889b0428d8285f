"""Which knobs a sound determines: how far good candidates differ in each parameter.

Good candidates are those nearly as near as the best. Each is replaced by its image, under the
task's symmetries, that is nearest to the best. For each parameter p that is audible in the best,
with encoded coordinates x_p,

    freedom_p = mean |x_p - best_p| over good candidates / mean |x_p - best_p| over prior draws:

0 if all good candidates agree, about 1 if they differ as much as random patches. Good candidates
of one search share ancestors, so a knob that seems determined may only be inherited; a knob that
seems free is free.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from unsynth.matching.result import Knob, Spread
from unsynth.search.candidates import Candidate
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.task import Task

#: A candidate is good within this factor of the best score …
_FACTOR = 1.25
#: … or within this margin of it, in dB.
_MARGIN = 0.5
#: The least number of good candidates, besides the best, that a statement needs.
FEWEST = 5
#: The most good candidates that are compared.
_MAX_COMPARED = 64
#: Draws of the prior to compare with.
_DRAWS = 200


def measure_spread(
    task: Task, ranked: Sequence[Candidate], rng: np.random.Generator
) -> Spread | None:
    """Compare good candidates with the best one; return ``None`` if there are too few."""
    best = ranked[0]
    limit = max(_FACTOR * best.score, best.score + _MARGIN)
    good = [candidate for candidate in ranked[1:] if candidate.score <= limit][:_MAX_COMPARED]
    if len(good) < FEWEST:
        return None
    spec = task.spec
    patches = np.stack([nearest_image(task, candidate.patch, best.patch) for candidate in good])
    audible = np.stack([task.active(patch) for patch in patches])
    differences = _differences(task, patches, best.patch)
    draws = np.stack([task.sample(rng) for _ in range(_DRAWS)])
    random_differences = _differences(task, draws, best.patch)
    knobs = []
    for position in np.flatnonzero(task.active(best.patch)).tolist():
        rows, expected = audible[:, position], float(random_differences[:, position].mean())
        if rows.sum() < FEWEST or expected == 0.0:
            continue
        values = np.unique(np.append(patches[rows, position], best.patch[position]))
        if not isinstance(spec.parameters[position], Categorical):
            values = values[[0, -1]]
        freedom = float(differences[rows, position].mean()) / expected
        knobs.append(Knob(spec.names[position], tuple(values.tolist()), freedom))
    return Spread(len(good) + 1, limit, tuple(knobs))


def _differences(
    task: Task,
    patches: Float[np.ndarray, "items parameters"],
    best: Float[np.ndarray, " parameters"],
) -> Float[np.ndarray, "items parameters"]:
    """Mean absolute difference to the best patch, over the coordinates of each parameter."""
    spec = task.spec
    difference = np.abs(spec.encode(patches) - spec.encode(best[None]))
    return np.stack([difference[:, part].mean(axis=1) for part in spec.slices], axis=1)
