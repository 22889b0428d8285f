"""The structure of a patch: its categories that can be heard, such as a DX7's algorithm."""

import numpy as np
from jaxtyping import Float

from unsynth.tasks.task import Task


def structure(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Encode the categories that can be heard; equal for patches of one structure."""
    return np.where(task.active(patch), patch, -1.0)[task.spec.categorical].tobytes()


def canonical_structure(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Encode the structure so that it is equal for patches that are exchanges of each other."""
    spec = task.spec
    firsts = [each.start for each in spec.slices]
    images = task.symmetries(patch)
    vectors = spec.encode(patch[None])[0][images]
    active = np.repeat(task.active(patch), [p.width for p in spec.parameters])[images][:, firsts]
    values = np.where(active, spec.decode(vectors), -1.0)[:, spec.categorical]
    return min(row.tobytes() for row in values)
