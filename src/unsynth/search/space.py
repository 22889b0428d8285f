"""The space of a search: a task's parameters without the locked ones."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from unsynth.tasks.locks import Locks
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.spec import Patch
from unsynth.tasks.task import Task


class Space:
    """The space of a search: a task's parameters without the locked ones.

    Positions are indices into a patch; coordinates are indices into its encoded vector.
    """

    def __init__(self, task: Task, locks: Locks | None = None) -> None:
        spec = task.spec
        self.task, self.locks = task, locks or Locks(task)
        self.categorical = spec.categorical
        self.low = np.array([0.0 if isinstance(p, Categorical) else p.low for p in spec.parameters])
        self.high = np.array(
            [p.width - 1.0 if isinstance(p, Categorical) else p.high for p in spec.parameters]
        )
        #: The least change of a coordinate that changes an integer parameter.
        self.least_change = np.array(
            [2.0 / p.count if isinstance(p, Integer) else 0.0 for p in spec.parameters]
        )
        #: The first coordinate of each parameter.
        self.coordinates = np.array([s.start for s in spec.slices])
        in_units = [position for unit in spec.units for copy in unit.members for position in copy]
        note = [i for i, name in enumerate(spec.names) if name.startswith("note.")]
        rest = np.setdiff1d(np.arange(len(spec.names)), [*in_units, *note])
        #: Positions of each unit, such as an operator.
        self.units = [np.array(copy) for unit in spec.units for copy in unit.members]
        #: The units, each parameter outside them, and the note: positions that belong together.
        self.blocks = [*self.units, *(np.array([p]) for p in rest), np.array(note, dtype=int)]
        #: Positions of the same parameter in all copies of a unit.
        self.columns = [np.array(c) for u in spec.units for c in zip(*u.members, strict=True)]

    def hold(self, patch: Patch) -> Patch:
        """Copy a patch with its locked values, and all others within the task's ranges."""
        return self.locks.hold(np.clip(patch, self.low, self.high))

    def round(
        self, values: Float[np.ndarray, "items positions"], positions: Int[np.ndarray, " positions"]
    ) -> Float[np.ndarray, "items positions"]:
        """Round the values at some positions to those that their parameters can have."""
        rounded = np.rint(values)
        for column, position in enumerate(positions):
            parameter = self.task.spec.parameters[position]
            if isinstance(parameter, Continuous):
                rounded[:, column] = parameter.quantise(values[:, column])
        return rounded

    def fixed_values(self, patch: Patch) -> dict[str, float]:
        """Return the values to fix in posterior samples: the patch's note, and the locks."""
        position, patch = self.task.spec.position, self.hold(patch)
        note = [name for name in ("note.pitch", "note.onset") if name in position]
        return {**{name: float(patch[position[name]]) for name in note}, **self.locks.values}

    def free(self, patch: Patch) -> Bool[np.ndarray, " parameters"]:
        """Say which parameters of a patch are audible and not locked."""
        free = self.task.active(patch)
        free[self.locks.positions] = False
        return free

    def encode(
        self, patches: Sequence[Patch] | Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, "items d"]:
        """Encode patches, with each value clipped to its range."""
        return self.task.spec.encode(np.clip(np.stack(list(patches)), self.low, self.high))

    def decode_at(
        self,
        patch: Patch,
        x: Float[np.ndarray, " d"],
        positions: Int[np.ndarray, " positions"],
    ) -> Patch:
        """Copy a patch with the values at some positions decoded from the vector ``x``."""
        spec, child = self.task.spec, patch.copy()
        for position in positions:
            child[position] = spec.parameters[position].decode(x[None, spec.slices[position]])[0]
        return child
