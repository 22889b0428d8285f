"""Exchanges of a unit's copies that leave the sound of a declared task's patch as it is."""

from itertools import permutations, product

import numpy as np
from jaxtyping import Float, Int

from unsynth.tasks.declared.declaration import Declaration


class Exchanges:
    """The exchanges of a declared task; those of each set of units are computed once."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._images: dict[tuple[str, ...], Int[np.ndarray, "images d"]] = {}

    def images(self, patch: Float[np.ndarray, " parameters"]) -> Int[np.ndarray, "images d"]:
        """List the exchanges that the file allows in this patch; the array is read-only.

        Choices that name copies change with them. Row 0 is the identity; see
        :meth:`unsynth.tasks.task.Task.symmetries`.
        """
        values = patch.tolist()
        units = []
        for unit in self._declaration.spec.units:
            conditions = self._declaration.exchange[unit.name]
            if conditions is not None and all(
                any(condition.holds(values[at]) for at in condition.positions)
                for condition in conditions
            ):
                units.append(unit.name)
        key = tuple(units)
        if key not in self._images:
            self._images[key] = self._list(key)
        return self._images[key]

    def _list(self, exchanged: tuple[str, ...]) -> Int[np.ndarray, "images d"]:
        """List all exchanges of the copies of some units."""
        units = self._declaration.spec.units
        orders_by_unit = []
        for unit in units:
            order = tuple(range(len(unit.members)))
            orders_by_unit.append(list(permutations(order)) if unit.name in exchanged else [order])
        images = np.stack(
            [
                self._row({unit.name: order for unit, order in zip(units, orders, strict=True)})
                for orders in product(*orders_by_unit)
            ]
        )
        images.setflags(write=False)
        return images

    def _row(self, places: dict[str, tuple[int, ...]]) -> Int[np.ndarray, " d"]:
        """Order the coordinates so that copy i of a unit moves to ``places[unit][i]``."""
        spec = self._declaration.spec
        source = np.arange(len(spec.parameters))
        for unit in spec.units:
            for i, place in enumerate(places[unit.name]):
                source[list(unit.members[place])] = unit.members[i]
        row = np.empty(spec.width, dtype=np.int64)
        for position, old in enumerate(source.tolist()):
            here, there = spec.slices[position], spec.slices[old]
            offsets = np.arange(here.stop - here.start)
            named = self._declaration.parameters[position].copies
            if named is not None:
                unit_name, copies = named
                for choice, copy in enumerate(copies):
                    if copy >= 0:
                        offsets[copies.index(places[unit_name][copy])] = choice
            row[here] = there.start + offsets
        return row
