"""The image of a patch, under its task's symmetries, that is nearest to another patch."""

import numpy as np

from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task


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
