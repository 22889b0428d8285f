"""Exchanges of parts of a patch, and the conditions under which they leave its sound as it is.

An exchange g swaps pairs of parameters that take the same values, such as those of two oscillators,
or two choices of categories, or both: if two filters change places, so do the choices that name
them. Every g is its own inverse. Paper section 3.1 calls an
exchange that leaves the sound as it is a symmetry, and a *conditional* one if it does so only for
some patches.

:class:`SymmetryFile` is the form in which ``unsynth symmetry`` writes what it measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Int
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from unsynth.documents import DocumentError, read_json, validate
from unsynth.errors import TaskError
from unsynth.tasks.parameter import Categorical
from unsynth.tasks.spec import Patch, Spec

#: The most exchanges of one patch that :func:`images` lists.
MOST_IMAGES = 50_000


class Kind(Enum):
    """What an exchange swaps."""

    #: Copies of a unit: two, or several pairs at once (stacks).
    UNITS = "units"
    #: One parameter of two copies of a unit.
    COLUMN = "column"
    #: Two parameters that are not the same parameter of two copies.
    PARAMETERS = "parameters"
    #: Two choices of a category.
    VALUES = "values"


@dataclass(frozen=True)
class Condition:
    """A range of one parameter's values; both ends belong to it.

    A category's values are the numbers of its choices, and ``choices`` lists them in place of a
    range.
    """

    parameter: int
    low: float = -np.inf
    high: float = np.inf
    choices: frozenset[int] | None = None

    def holds(self, patch: Patch) -> bool:
        """Say whether a patch meets the condition."""
        return self.holds_for(patch[self.parameter])

    def holds_for(self, value: float) -> bool:
        """Say whether a value of the parameter meets the condition."""
        if self.choices is not None:
            return int(value) in self.choices
        return bool(self.low <= value <= self.high)


@dataclass(frozen=True)
class ChoiceSwap:
    """Two choices of a category that change places."""

    category: int
    choices: tuple[int, int]


@dataclass(frozen=True)
class Exchange:
    """An exchange; positions count the parameters of a patch.

    ``swaps`` are the pairs of parameters that change places, and ``choice_swaps`` the pairs of
    choices. :attr:`Kind.VALUES` has no ``swaps`` and one of ``choice_swaps``.
    """

    kind: Kind
    name: str
    swaps: tuple[tuple[int, int], ...] = ()
    choice_swaps: tuple[ChoiceSwap, ...] = ()

    @property
    def positions(self) -> frozenset[int]:
        """The parameters that the exchange may change."""
        swapped = {position for pair in self.swaps for position in pair}
        return frozenset(swapped | {swap.category for swap in self.choice_swaps})

    def concerns(self, patch: Patch) -> bool:
        """Say whether a patch has something to exchange: parameters, or one of two choices."""
        return bool(self.swaps) or any(
            int(patch[swap.category]) in swap.choices for swap in self.choice_swaps
        )

    def moves(self, patch: Patch) -> bool:
        """Say whether the exchange changes anything in a patch."""
        return not np.array_equal(self.apply(patch), patch)

    def apply(self, patch: Patch) -> Patch:
        """Exchange the parts of a patch.

        >>> swap = Exchange(Kind.PARAMETERS, "levels", ((0, 2),))
        >>> swap.apply(np.array([1.0, 2.0, 3.0])).tolist()
        [3.0, 2.0, 1.0]
        """
        changed = patch.copy()
        for one, other in self.swaps:
            changed[one], changed[other] = patch[other], patch[one]
        for swap in self.choice_swaps:
            first, second = swap.choices
            value = int(changed[swap.category])
            if value in swap.choices:
                changed[swap.category] = second if value == first else first
        return changed

    def row(self, spec: Spec) -> Int[np.ndarray, " d"]:
        """Order the coordinates of encoded vectors: ``decode(x[row])`` is the exchanged patch."""
        row = np.arange(spec.width)
        for one, other in self.swaps:
            row[spec.slices[one]], row[spec.slices[other]] = (
                np.arange(spec.width)[spec.slices[other]],
                np.arange(spec.width)[spec.slices[one]],
            )
        for swap in self.choice_swaps:
            first, second = (spec.slices[swap.category].start + c for c in swap.choices)
            row[[first, second]] = row[[second, first]]
        return row


class Verdict(Enum):
    """What an exchange does to the sound of patches from the prior."""

    #: Every patch sounds the same.
    EXACT = "exact"
    #: Patches sound the same under a condition.
    CONDITIONAL = "conditional"
    #: Patches sound nearly the same: far nearer than two patches of the prior.
    APPROXIMATE = "approximate"
    #: Patches sound different.
    NONE = "none"


@dataclass(frozen=True)
class Symmetry:
    """An exchange that leaves sounds as they are, and when.

    It does so where all conditions of any one of ``conditions`` hold: ``((),)`` is always.
    """

    exchange: Exchange
    conditions: tuple[tuple[Condition, ...], ...] = ((),)

    def holds(self, patch: Patch) -> bool:
        """Say whether the exchange concerns a patch that meets the conditions."""
        return self.exchange.concerns(patch) and any(
            all(c.holds(patch) for c in group) for group in self.conditions
        )


def images(symmetries: Sequence[Symmetry], spec: Spec, patch: Patch) -> Int[np.ndarray, "images d"]:
    """List the orders of coordinates that leave a patch's sound as it is, the identity first.

    These are the symmetries that hold in the patch, and their products: after each, those count
    that hold in the exchanged patch. Raises :class:`TaskError` for more than 50,000.
    """
    rows = [symmetry.exchange.row(spec) for symmetry in symmetries]
    identity = np.arange(spec.width)
    found = {identity.tobytes(): identity}
    unvisited = [(identity, patch)]
    while unvisited:
        order, image = unvisited.pop()
        for symmetry, row in zip(symmetries, rows, strict=True):
            if not symmetry.holds(image):
                continue
            product = order[row]
            if product.tobytes() not in found:
                found[product.tobytes()] = product
                unvisited.append((product, symmetry.exchange.apply(image)))
        if len(found) > MOST_IMAGES:
            raise TaskError(f"a patch has more than {MOST_IMAGES:,} exchanges that keep its sound")
    return np.stack(list(found.values()))


class ConditionData(BaseModel):
    """A :class:`Condition` by the parameter's name; ``choices`` are names of choices."""

    model_config = ConfigDict(strict=True, extra="forbid")

    parameter: str
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    choices: list[str] | None = None


class ErrorData(BaseModel):
    """One metric's distances from x to g·x: 10th, 50th and 90th percentile.

    ``floor`` has those of two renders of one patch, and ``other`` the median of two patches of the
    prior.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    exchanged: list[FiniteFloat] = Field(min_length=3, max_length=3)
    floor: list[FiniteFloat] = Field(min_length=3, max_length=3)
    other: FiniteFloat


class ChoiceSwapData(BaseModel):
    """A :class:`ChoiceSwap` by the names of the category and its choices."""

    model_config = ConfigDict(strict=True, extra="forbid")

    category: str
    choices: tuple[str, str]


class ExchangeData(BaseModel):
    """One exchange by names, and what was measured of it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    kind: Literal["units", "column", "parameters", "values"]
    name: str
    #: Pairs of parameters that change places.
    swaps: list[tuple[str, str]] = Field(default_factory=list)
    #: Choices that change places.
    choice_swaps: list[ChoiceSwapData] = Field(default_factory=list)
    verdict: Literal["exact", "conditional", "approximate", "none"]
    #: Patches in which the exchanged parts could be heard and differed, and those of them that
    #: sounded the same.
    tried: int = Field(ge=0)
    same: int = Field(ge=0)
    #: Share of the prior's patches in which the condition holds.
    share: FiniteFloat | None = None
    #: It leaves the sound as it is where all conditions of any one of these hold.
    conditions: list[list[ConditionData]] = Field(default_factory=list)
    #: Whether exchanged patches are as likely in the prior.
    keeps_prior: bool
    #: Distances of the patches that did not sound the same, by metric.
    errors: dict[str, ErrorData] = Field(default_factory=dict)


class UnitData(BaseModel):
    """A unit: the names of the parameters of each copy."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    members: list[list[str]]


class SymmetryFile(BaseModel):
    """What ``unsynth symmetry`` measured of a task: the content of ``symmetry.json``."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal["unsynth symmetry 2"] = "unsynth symmetry 2"
    task: str
    hash: str
    seed: int
    pairs: int
    units: list[UnitData]
    exchanges: list[ExchangeData]

    def symmetries(self, spec: Spec) -> tuple[Symmetry, ...]:
        """Return what is exact or conditional and keeps the prior's density.

        Raises :class:`TaskError` for names that the spec does not have.
        """
        return tuple(
            Symmetry(exchange_of(data, spec), conditions_of(data, spec))
            for data in self.exchanges
            if data.keeps_prior and data.verdict in ("exact", "conditional")
        )


def read_symmetry_file(path: Path) -> SymmetryFile:
    """Read ``symmetry.json``; raises :class:`TaskError` for a file that is not one."""
    try:
        return validate(SymmetryFile, read_json(path))
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror})") from None
    except DocumentError as error:
        raise TaskError(f"{path}: is no symmetry.json of unsynth: {error}") from None


def exchange_of(data: ExchangeData, spec: Spec) -> Exchange:
    """Find an exchange's parameters in a spec; raises :class:`TaskError`."""
    choice_swaps = []
    for swap in data.choice_swaps:
        category = _position(swap.category, spec)
        first, second = (_choice(choice, category, spec) for choice in swap.choices)
        choice_swaps.append(ChoiceSwap(category, (first, second)))
    swaps = tuple((_position(a, spec), _position(b, spec)) for a, b in data.swaps)
    for one, other in swaps:
        if spec.parameters[one].width != spec.parameters[other].width:
            raise TaskError(f"{data.name}: {spec.names[one]} and {spec.names[other]} are not alike")
    return Exchange(Kind(data.kind), data.name, swaps, tuple(choice_swaps))


def conditions_of(data: ExchangeData, spec: Spec) -> tuple[tuple[Condition, ...], ...]:
    """Find the parameters of an exchange's conditions in a spec; raises :class:`TaskError`."""
    if data.verdict == "exact":
        return ((),)
    groups = []
    for group in data.conditions:
        conditions = []
        for condition in group:
            position = _position(condition.parameter, spec)
            choices = condition.choices
            conditions.append(
                Condition(
                    position,
                    -np.inf if condition.low is None else condition.low,
                    np.inf if condition.high is None else condition.high,
                    None
                    if choices is None
                    else frozenset(_choice(choice, position, spec) for choice in choices),
                )
            )
        groups.append(tuple(conditions))
    return tuple(groups)


def _position(name: str, spec: Spec) -> int:
    if name not in spec.position:
        raise TaskError(f"this task has no parameter named {name!r}")
    return spec.position[name]


def _choice(name: str, position: int, spec: Spec) -> int:
    parameter = spec.parameters[position]
    if not isinstance(parameter, Categorical) or name not in parameter.choices:
        raise TaskError(f"{parameter.name} has no choice named {name!r}")
    return parameter.choices.index(name)
