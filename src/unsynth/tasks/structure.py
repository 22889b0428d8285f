"""The structure of a patch: its audible categories, such as a DX7's algorithm."""

import numpy as np

from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task


def structure(task: Task, patch: Patch) -> bytes:
    """Encode the audible categories; equal for patches of the same structure."""
    return np.where(task.active(patch), patch, -1.0)[task.spec.categorical].tobytes()


def canonical_structure(task: Task, patch: Patch) -> bytes:
    """Encode the structure, equal also for patches that are exchanges of each other.

    It is the least of the encoded structures of all images of the patch.
    """
    spec = task.spec
    images = task.symmetries(patch)
    patches = spec.decode(spec.encode(patch[None])[0][images])
    # Audibility moves along with the parameters, so no image needs a call of ``active``.
    widths = [parameter.width for parameter in spec.parameters]
    first_coordinates = [each.start for each in spec.slices]
    active = np.repeat(task.active(patch), widths)[images][:, first_coordinates]
    values = np.where(active, patches, -1.0)[:, spec.categorical]
    return min(row.tobytes() for row in values)
