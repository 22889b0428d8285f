"""The image of a patch, under its task's symmetries, that is nearest to another patch."""

import numpy as np

from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task


def nearest_image(task: Task, patch: Patch, reference: Patch) -> Patch:
    """Return the image of a patch, under its task's symmetries, nearest to a reference patch.

    The sound stays the same. Parameters that are inaudible in both patches do not count.
    """
    spec = task.spec
    x, x_reference = spec.encode(np.stack([patch, reference]))
    widths = [parameter.width for parameter in spec.parameters]
    weights, reference_weights = (
        np.repeat(task.active(each), widths).astype(float) for each in (patch, reference)
    )
    images = task.symmetries(patch)
    weights = np.maximum(weights[images], reference_weights)
    distances = (weights * (x[images] - x_reference) ** 2).sum(axis=1)
    nearest = int(distances.argmin())
    return patch if nearest == 0 else spec.decode(x[images[nearest]][None])[0]
