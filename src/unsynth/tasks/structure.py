"""The structure of a patch: its audible categories, such as a DX7's algorithm."""

import numpy as np
from jaxtyping import Float

from unsynth.tasks.task import Task


def structure(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Encode the audible categories as bytes; equal for patches of one structure."""
    return np.where(task.active(patch), patch, -1.0)[task.spec.categorical].tobytes()


def canonical_structure(task: Task, patch: Float[np.ndarray, " parameters"]) -> bytes:
    """Encode the structure as bytes; equal also for images under the task's symmetries."""
    spec = task.spec
    firsts = [part.start for part in spec.slices]
    images = task.symmetries(patch)
    vectors = spec.encode(patch[None])[0][images]
    active = np.repeat(task.active(patch), [p.width for p in spec.parameters])[images][:, firsts]
    values = np.where(active, spec.decode(vectors), -1.0)[:, spec.categorical]
    return min(row.tobytes() for row in values)
