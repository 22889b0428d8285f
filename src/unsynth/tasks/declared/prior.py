"""The prior of a declared task: parameters are independent.

Only with ``note_within`` are onset and duration drawn together.

All copies of a unit have the same declaration. So patches whose copies are exchanged have the same
density, to the last bit. The paper requires this (section 3): p(x) must be invariant for p(x | y)
to be so.
"""

import numpy as np
from jaxtyping import Float

from unsynth.tasks.declared.declaration import Declaration, ParameterDeclaration
from unsynth.tasks.parameter import Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec

#: Largest excess of a note's end over ``note_within``, in seconds: rounding of a sum of floats.
_END_TOLERANCE = 1e-6


class DeclaredPrior:
    """The prior of a declared task."""

    def __init__(self, declaration: Declaration) -> None:
        self._spec = declaration.spec
        self._note_within = declaration.note_within
        self._continuous = ContinuousPrior(declaration.spec, declaration.parameters)
        self._tables = [
            probability_table(parameter, declared)
            for parameter, declared in zip(
                declaration.spec.parameters, declaration.parameters, strict=True
            )
        ]

    def sample(self, rng: np.random.Generator) -> Float[np.ndarray, " parameters"]:
        """Draw one patch."""
        count = len(self._spec.parameters)
        uniform = rng.random(count)
        patch = np.empty(count)
        positions = self._continuous.positions
        patch[positions] = self._continuous.values(uniform[positions])
        for i, table in enumerate(self._tables):
            if table is not None:
                values, _, cumulative = table
                last = len(values) - 1
                patch[i] = values[min(last, int(np.searchsorted(cumulative, uniform[i], "right")))]
        if self._note_within is not None:
            patch[-2:] = self._onset_and_duration(rng, self._note_within)
        return patch

    def _onset_and_duration(self, rng: np.random.Generator, within: float) -> tuple[float, float]:
        """Draw two uniform times, in s, until they make a note within the ranges of the spec."""
        onset, duration = self._spec.parameters[-2:]
        assert isinstance(onset, Continuous) and isinstance(duration, Continuous)
        while True:
            start, end = np.sort(within * rng.random(2))
            start = onset.nearest(start)
            length = duration.nearest(end - start)
            if start <= end and duration.low <= end - start and onset.low <= start < onset.high:
                return start, length

    def log_density(
        self, patches: Float[np.ndarray, "items parameters"]
    ) -> Float[np.ndarray, " items"]:
        """Log of the density, up to one constant; -inf for patches that are never drawn."""
        logs = np.empty(patches.shape)
        with np.errstate(divide="ignore"):
            positions = self._continuous.positions
            logs[:, positions] = np.log(self._continuous.probabilities(patches[:, positions]))
            for i, table in enumerate(self._tables):
                if table is not None:
                    values, chances, _ = table
                    rows = np.searchsorted(values, patches[:, i]).clip(0, len(values) - 1)
                    chance = np.where(values[rows] == patches[:, i], chances[rows], 0.0)
                    logs[:, i] = np.log(chance)
        if self._note_within is not None:
            ends = patches[:, -2] + patches[:, -1]
            logs[:, -2] = np.where(ends <= self._note_within + _END_TOLERANCE, 0.0, -np.inf)
            logs[:, -1] = 0.0
        total = np.zeros(len(patches))
        rest = np.ones(len(self._spec.parameters), dtype=bool)
        for unit in self._spec.units:
            # Sorted, since a sum of floats depends on its order, and exchanges change that.
            copies = np.stack([logs[:, list(copy)].sum(axis=1) for copy in unit.members])
            total += np.sort(copies, axis=0).sum(axis=0)
            rest[[position for copy in unit.members for position in copy]] = False
        return total + logs[:, rest].sum(axis=1)


class ContinuousPrior:
    """The prior of a task's continuous parameters, computed for all at once.

    Each has single values with probabilities of their own, its *points*. The rest of the
    probability is spread evenly over the range, on the parameter's scale, linear or logarithmic.
    """

    def __init__(self, spec: Spec, declared: tuple[ParameterDeclaration, ...]) -> None:
        numbers = [(i, p) for i, p in enumerate(spec.parameters) if isinstance(p, Continuous)]
        #: Where the continuous parameters stand in a patch.
        self.positions = np.array([i for i, _ in numbers], dtype=int)
        self._low = np.array([p.low for _, p in numbers])
        self._high = np.array([p.high for _, p in numbers])
        self._step = np.array([p.step for _, p in numbers])
        self._log = np.array([p.log for _, p in numbers])
        self._points = [declared[i].points for i, _ in numbers]
        self._spread = np.array([1.0 - sum(q for _, q in points) for points in self._points])
        self._size = np.log(np.where(self._log, self._high / np.where(self._log, self._low, 1), 2))

    def values(self, uniform: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """Map uniform numbers in [0, 1) to draws: the lowest to the points, the others evenly."""
        even = (uniform - (1.0 - self._spread)) / np.where(self._spread > 0, self._spread, 1.0)
        even = np.clip(even, 0.0, 1.0)
        linear = self._low + even * (self._high - self._low)
        values = np.where(self._log, self._low * np.exp(even * self._size), linear)
        per_unit = np.round(1.0 / self._step)
        values = np.clip(np.round(values * per_unit) / per_unit, self._low, self._high)
        for k, points in enumerate(self._points):
            remainder = float(uniform[k])
            for value, chance in points:
                if remainder < chance:
                    values[k] = value
                    break
                remainder -= chance
        return values

    def probabilities(
        self, values: Float[np.ndarray, "items numbers"]
    ) -> Float[np.ndarray, "items numbers"]:
        """Return the probability of each value's step, with that of a point in it."""
        half = self._step / 2.0
        above = self._unit(np.clip(values + half, self._low, self._high))
        below = self._unit(np.clip(values - half, self._low, self._high))
        chances = (above - below) * self._spread
        for k, points in enumerate(self._points):
            for value, chance in points:
                chances[:, k] += np.where(np.abs(values[:, k] - value) < half[k], chance, 0.0)
        return chances

    def _unit(
        self, values: Float[np.ndarray, "items numbers"]
    ) -> Float[np.ndarray, "items numbers"]:
        """Map each range to [0, 1], evenly on the parameter's scale."""
        logarithm = np.log(np.where(self._log, values / np.where(self._log, self._low, 1.0), 1.0))
        return np.where(
            self._log, logarithm / self._size, (values - self._low) / (self._high - self._low)
        )


def probability_table(
    parameter: Parameter, declared: ParameterDeclaration
) -> (
    tuple[Float[np.ndarray, " values"], Float[np.ndarray, " values"], Float[np.ndarray, " values"]]
    | None
):
    """Return a category's or integer's values, their probabilities, and the sums of these.

    A continuous parameter gives ``None``.
    """
    if isinstance(parameter, Continuous):
        return None
    first = parameter.low if isinstance(parameter, Integer) else 0
    count = parameter.count if isinstance(parameter, Integer) else parameter.width
    values = np.arange(first, first + count, dtype=float)
    even = np.array(declared.weights or (1.0,) * count)
    chances = even / even.sum() * (1.0 - sum(q for _, q in declared.points))
    for value, chance in declared.points:
        chances[int(value) - first] += chance
    return values, chances, np.cumsum(chances)
