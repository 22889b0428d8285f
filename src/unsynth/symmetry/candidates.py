"""Exchanges that may leave the sound as it is, proposed from units, names and alike parameters.

- Units: all involutions of a unit's copies, that is every set of disjoint pairs of copies. They
  generate every group of orders in which stacks of copies change places. Choices that name the
  copies change with them: a destination "filter 1" becomes "filter 2".
- Columns: one parameter of two copies.
- Parameters: two parameters in no unit that take the same values, proposed by how alike they change
  the sound (:mod:`unsynth.symmetry.sensitivity`).
- Values: two choices of a category.

Where a task has no units, blocks are proposed from its parameters' names
(:mod:`unsynth.authoring.units`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, takewhile

from unsynth.authoring.units import propose_units
from unsynth.tasks.exchange import ChoiceSwap, Exchange, Kind
from unsynth.tasks.parameter import Categorical, Parameter
from unsynth.tasks.spec import Patch, Spec, Unit

#: With more copies, only pairs are exchanged, one at a time: 8 copies have 763 involutions.
_MOST_STACKED = 6


@dataclass(frozen=True)
class Candidate:
    """An exchange to try. ``parts`` are the blocks of parameters that change places, in pairs."""

    exchange: Exchange
    parts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]

    def copies(self, patch: Patch) -> list[Patch]:
        """Overwrite each part with the one it changes places with, one part at a time.

        If one of these sounds like the patch, that part cannot be heard, and the exchange says
        nothing.
        """
        changed = []
        for one, other in self.parts:
            for to, source in ((one, other), (other, one)):
                copy = patch.copy()
                copy[list(to)] = patch[list(source)]
                changed.append(copy)
        return changed


def with_units(spec: Spec) -> Spec:
    """Return the spec with units proposed from the names of its parameters, if it has none."""
    if spec.units:
        return spec
    proposed = propose_units(
        spec.names,
        lambda a, b: alike(spec.parameters[spec.position[a]], spec.parameters[spec.position[b]]),
    )
    units = (
        Unit(
            re.sub("_+", "_", unit.stem.replace("{}", "")).strip("_") or "unit",
            tuple(tuple(spec.position[name] for name in copy) for copy in unit.members),
        )
        for unit in proposed
    )
    return replace(spec, units=tuple(units))


def alike(one: Parameter, other: Parameter) -> bool:
    """Say whether two parameters take the same values."""
    return replace(one, name="") == replace(other, name="")


def unit_candidates(spec: Spec) -> list[Candidate]:
    """List the involutions of each unit's copies: pairs, and several pairs at once."""
    candidates = []
    for unit in spec.units:
        count = len(unit.members)
        for pairs in _involutions(count, count // 2 if count <= _MOST_STACKED else 1):
            parts = tuple((unit.members[a], unit.members[b]) for a, b in pairs)
            swaps = tuple(pair for one, other in parts for pair in zip(one, other, strict=True))
            text = ", ".join(f"{a + 1} and {b + 1}" for a, b in pairs)
            exchange = Exchange(
                Kind.UNITS, f"{unit.name} {text}", swaps, _choice_swaps(spec, unit, pairs)
            )
            candidates.append(Candidate(exchange, parts))
    return candidates


def _choice_swaps(
    spec: Spec, unit: Unit, pairs: Sequence[tuple[int, int]]
) -> tuple[ChoiceSwap, ...]:
    """Find the choices that name the copies which change places, such as "filter 1"."""
    names = [_copy_names(spec, unit, copy) for copy in range(len(unit.members))]
    swaps = []
    for position, parameter in enumerate(spec.parameters):
        if not isinstance(parameter, Categorical):
            continue
        choices = [_plain(choice) for choice in parameter.choices]
        for pair in pairs:
            named = [[c for c, text in enumerate(choices) if text in names[copy]] for copy in pair]
            if [len(each) for each in named] == [1, 1]:
                swaps.append(ChoiceSwap(position, (named[0][0], named[1][0])))
    return tuple(swaps)


def _copy_names(spec: Spec, unit: Unit, copy: int) -> set[str]:
    """List what a choice may call a copy: the unit's name and number, or its parameters' prefix."""
    letters = zip(*(spec.names[position] for position in unit.members[copy]), strict=False)
    prefix = "".join(each[0] for each in takewhile(lambda each: len(set(each)) == 1, letters))
    return {_plain(f"{unit.name}{copy + 1}"), _plain(prefix)} - {""}


def _plain(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def column_candidates(spec: Spec) -> list[Candidate]:
    """List each parameter of each two copies of a unit."""
    return [
        _pair(spec, one, other, Kind.COLUMN)
        for unit in spec.units
        for column in zip(*unit.members, strict=True)
        for one, other in combinations(column, 2)
    ]


def parameter_candidates(spec: Spec, pairs: Sequence[tuple[int, int]]) -> list[Candidate]:
    """Make candidates of pairs of parameters."""
    return [_pair(spec, one, other, Kind.PARAMETERS) for one, other in pairs]


def value_candidates(spec: Spec, category: int) -> list[Candidate]:
    """List each two choices of a category."""
    parameter = spec.parameters[category]
    assert isinstance(parameter, Categorical)
    return [
        Candidate(
            Exchange(
                Kind.VALUES,
                f"{parameter.name} {parameter.choices[a]} and {parameter.choices[b]}",
                choice_swaps=(ChoiceSwap(category, (a, b)),),
            ),
            (),
        )
        for a, b in combinations(range(len(parameter.choices)), 2)
    ]


def categories(spec: Spec) -> list[int]:
    """List the categories; those of a unit in its first copy only, since the others are alike."""
    repeated = {position for unit in spec.units for copy in unit.members[1:] for position in copy}
    return [
        i
        for i, parameter in enumerate(spec.parameters)
        if isinstance(parameter, Categorical) and i not in repeated
    ]


def _pair(spec: Spec, one: int, other: int, kind: Kind) -> Candidate:
    name = f"{spec.names[one]} and {spec.names[other]}"
    return Candidate(Exchange(kind, name, ((one, other),)), (((one,), (other,)),))


def _involutions(copies: int, most: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """List sets of 1 to ``most`` disjoint pairs of copies, the small sets first."""
    pairs = list(combinations(range(copies), 2))
    for size in range(1, most + 1):
        for chosen in combinations(pairs, size):
            if len({copy for pair in chosen for copy in pair}) == 2 * size:
                yield chosen
