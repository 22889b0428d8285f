"""Units and symmetries of a task as ``unsynth symmetry`` measured them.

A task that has these takes its units and its exchanges from ``symmetry.json`` instead of from its
file or its code. So do the fixed tokens of a model, the aligned coupling of noise and data, the
crossover and alignment of the search, and the distances between patches, which all ask the task.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from jaxtyping import Int

from unsynth.errors import TaskError
from unsynth.tasks.exchange import Condition, images, read_symmetry_file
from unsynth.tasks.spec import Patch, Spec, Unit

#: Lists of images that are kept.
_KEPT = 4096


class MeasuredExchanges:
    """The content of a ``symmetry.json``, for a task with the given spec.

    Raises :class:`~unsynth.errors.TaskError` for a file that cannot be read, or that names
    parameters which the spec does not have.
    """

    def __init__(self, path: Path, spec: Spec) -> None:
        self._path, self._bare = path, spec
        file = read_symmetry_file(path)
        symmetries = file.symmetries(spec)
        units = tuple(
            Unit(u.name, tuple(tuple(_position(spec, n, path) for n in copy) for copy in u.members))
            for u in file.units
        )
        #: The spec, with the measured units.
        self.spec = Spec(spec.parameters, units)
        self._symmetries = symmetries
        self._tests = self._list_tests()
        self._images: dict[bytes, Int[np.ndarray, "images d"]] = {}

    def __reduce__(self) -> tuple[type["MeasuredExchanges"], tuple[Path, Spec]]:
        return type(self), (self._path, self._bare)

    def images(self, patch: Patch) -> Int[np.ndarray, "images d"]:
        """List the orders of coordinates that keep a patch's sound; the array is read-only.

        See :meth:`unsynth.tasks.task.Task.symmetries`.
        """
        categories = [
            patch[swap.category] for s in self._symmetries for swap in s.exchange.choice_swaps
        ]
        met = [condition.holds_for(patch[position]) for condition, position in self._tests]
        key = np.array([*categories, *met], dtype=np.float64).tobytes()
        if key not in self._images:
            if len(self._images) == _KEPT:
                self._images.clear()
            found = images(self._symmetries, self.spec, patch)
            found.setflags(write=False)
            self._images[key] = found
        return self._images[key]

    def _list_tests(self) -> list[tuple[Condition, int]]:
        """List the conditions, each with every position whose value it may come to see.

        Two patches that pass the same tests have the same images.
        """
        partners: dict[int, set[int]] = defaultdict(set)
        for symmetry in self._symmetries:
            for one, other in symmetry.exchange.swaps:
                partners[one].add(other)
                partners[other].add(one)
        tests: dict[tuple[Condition, int], None] = {}
        for symmetry in self._symmetries:
            for condition in (c for group in symmetry.conditions for c in group):
                reached, new = set[int](), {condition.parameter}
                while new:
                    reached |= new
                    new = {p for position in new for p in partners[position]} - reached
                tests |= {(condition, position): None for position in sorted(reached)}
        return list(tests)


def _position(spec: Spec, name: str, path: Path) -> int:
    if name not in spec.position:
        raise TaskError(f"{path}: this task has no parameter named {name!r}")
    return spec.position[name]
