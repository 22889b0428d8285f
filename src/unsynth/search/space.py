"""What a search may change: a task's parameters without the locked ones."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from unsynth.search.candidates import Candidate
from unsynth.tasks.locks import Locks
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task

#: Good candidates, best first.
Pool = Sequence[Candidate]


class Space:
    """What a search may change: a task's parameters without the locked ones."""

    def __init__(self, task: Task, locks: Locks | None = None) -> None:
        spec = task.spec
        self.task, self.locks = task, locks or Locks(task)
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
        return self.locks.hold(np.clip(patch, self.low, self.high))

    def fixed(self, patch: Patch) -> dict[str, float]:
        """Say what stays where a model samples beside a patch: its note, and what is locked."""
        position, patch = self.task.spec.position, self.hold(patch)
        note = [name for name in ("note.pitch", "note.onset") if name in position]
        return {**{name: float(patch[position[name]]) for name in note}, **self.locks.values}

    def free(self, patch: Patch) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters can be heard and are not locked."""
        free = self.task.active(patch)
        free[self.locks.positions] = False
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
