"""The prior over the continuous parameters of a declared task."""

import numpy as np
from jaxtyping import Float

from unsynth.tasks.declared.declaration import Declared
from unsynth.tasks.parameter import Continuous, Integer, Parameter
from unsynth.tasks.spec import Spec


class ContinuousPrior:
    """The continuous parameters of a task, drawn and weighed together."""

    def __init__(self, spec: Spec, declared: tuple[Declared, ...]) -> None:
        numbers = [(i, p) for i, p in enumerate(spec.parameters) if isinstance(p, Continuous)]
        self.at = np.array([i for i, _ in numbers], dtype=int)
        self._low = np.array([p.low for _, p in numbers])
        self._high = np.array([p.high for _, p in numbers])
        self._step = np.array([p.step for _, p in numbers])
        self._log = np.array([p.log for _, p in numbers])
        self._points = [declared[i].points for i, _ in numbers]
        self._spread = np.array([1.0 - sum(q for _, q in points) for points in self._points])
        self._size = np.log(np.where(self._log, self._high / np.where(self._log, self._low, 1), 2))

    def values(self, uniform: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """Map uniform numbers in [0, 1) to draws: first the points, then the even rest."""
        even = (uniform - (1.0 - self._spread)) / np.where(self._spread > 0, self._spread, 1.0)
        even = np.clip(even, 0.0, 1.0)
        linear = self._low + even * (self._high - self._low)
        values = np.where(self._log, self._low * np.exp(even * self._size), linear)
        per_unit = np.round(1.0 / self._step)
        values = np.clip(np.round(values * per_unit) / per_unit, self._low, self._high)
        for k, points in enumerate(self._points):
            left = float(uniform[k])
            for value, chance in points:
                if left < chance:
                    values[k] = value
                    break
                left -= chance
        return values

    def probabilities(
        self, values: Float[np.ndarray, "items numbers"]
    ) -> Float[np.ndarray, "items numbers"]:
        """Find the probability of each value: of its step, and of a point where it is one."""
        half = self._step / 2.0
        above = self._unit(np.clip(values + half, self._low, self._high))
        below = self._unit(np.clip(values - half, self._low, self._high))
        chances = (above - below) * self._spread
        for k, points in enumerate(self._points):
            for value, chance in points:
                chances[:, k] += np.where(np.abs(values[:, k] - value) < half[k], chance, 0.0)
        return chances

    def _unit(self, values: Float[np.ndarray, "items numbers"]) -> np.ndarray:
        logarithm = np.log(np.where(self._log, values / np.where(self._log, self._low, 1.0), 1.0))
        return np.where(
            self._log, logarithm / self._size, (values - self._low) / (self._high - self._low)
        )


def probability_table(
    parameter: Parameter, declared: Declared
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Values of a category or whole number, their probabilities, and the sums of these."""
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
