"""Gauss-Newton steps as a move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move
from unsynth.search.space import Space
from unsynth.tasks.spec import Patch

#: The most rounds in which parameters join or leave the set of those at a limit.
_MAX_ROUNDS = 12
#: Steps of a batch: the weight of the step's own size, and how far a coordinate may move.
_STEPS = ((0.003, 0.4), (0.01, 0.1), (0.03, 0.2), (0.1, 0.1), (0.3, 0.4), (1.0, 0.4))


@dataclass
class Slopes:
    """How a candidate's spectrogram depends on its numeric parameters, to first order.

    Row i of ``rows`` is the change of the ``spectrogram`` per unit of parameter ``positions[i]``
    of the encoded patch ``x``.
    """

    centre: Candidate
    x: Float[np.ndarray, " d"]
    spectrogram: Float32[np.ndarray, " cells"]
    positions: Int[np.ndarray, " parameters"]
    rows: Float32[np.ndarray, "parameters cells"]


class Linear(Move):
    """Take Gauss-Newton steps to the target's spectrogram.

    A probe changes each numeric parameter of a good candidate by itself. With the resulting
    Jacobian J of the candidate's spectrogram f, the step d that solves

        min over d of  sum_j |t_j - f_j - (J d)_j| + a |d|^2,    within the ranges,

    brings f nearest to the target's spectrogram t, as far as spectrograms are linear. After each
    step its result corrects J (C. G. Broyden, "A Class of Methods for Solving Nonlinear
    Simultaneous Equations", Mathematics of Computation 19, 1965), so later probes measure only
    some of the parameters again.
    """

    name = "linear"
    batch_size = 6
    needs_results = True
    #: How far a probe changes a coordinate.
    _PROBE = 0.08
    #: Another step follows one that lowers the score by at least this share.
    _WORTHWHILE = 0.004
    #: Parameters whose known slopes a probe measures again.
    _REMEASURED = 20

    def __init__(self, space: Space, distance: FastSpectral) -> None:
        self._space, self._distance = space, distance
        #: Candidates that were probed, as bytes of their patches.
        self._probed_patches: set[bytes] = set()
        self._stepping = False
        self.slopes: Slopes | None = None

    @property
    def keeps_turn(self) -> bool:
        """True after a probe, and after a step that was worthwhile."""
        return self._stepping

    def propose(
        self, best: Sequence[Candidate], count: int, rng: np.random.Generator
    ) -> list[Patch]:
        """Probe the best candidate, unless it was probed before, or make steps of several sizes."""
        if self._stepping:
            assert self.slopes is not None
            return [self._step(self.slopes, stiffness, reach) for stiffness, reach in _STEPS]
        if best[0].patch.tobytes() in self._probed_patches:
            return []
        self._recentre(best[0])
        return self._make_probes(rng)

    def learn(self, candidates: Sequence[Candidate]) -> None:
        """Measure slopes from a probe; after a step, correct them and decide on another step."""
        slopes = self.slopes
        if slopes is None or not candidates:
            self._stepping = False
            return
        if not self._stepping:
            self._measure(candidates)
            self._probed_patches.add(slopes.centre.patch.tobytes())
            self._stepping = True
            return
        best = min(candidates, key=lambda candidate: candidate.score)
        self._stepping = best.score < (1.0 - self._WORTHWHILE) * slopes.centre.score
        if best.score < slopes.centre.score:
            self._move_centre(best)

    def _step(self, slopes: Slopes, stiffness: float, reach: float) -> Patch:
        """Step to where the slopes predict the spectrogram nearest to the target's."""
        x, coordinates = slopes.x.copy(), self._space.coordinates[slopes.positions]
        residual = self._distance.target_picture - slopes.spectrogram
        low = np.maximum(-reach, -1.0 - x[coordinates])
        high = np.minimum(reach, 1.0 - x[coordinates])
        x[coordinates] += fit_step(slopes.rows, residual, stiffness, low, high)
        patch = self._space.hold(slopes.centre.patch)
        return self._space.decode_at(patch, x, slopes.positions)

    def _recentre(self, centre: Candidate) -> None:
        """Begin slopes at another candidate; reuse known ones if it is near to the last."""
        space, slopes = self._space, self.slopes
        self._base = space.hold(centre.patch)
        x, spectrogram = space.encode([self._base])[0], self._distance.picture(centre.audio)
        positions = np.flatnonzero(space.free(self._base) & ~space.categorical)
        rows = np.zeros((len(positions), len(spectrogram)), dtype=np.float32)
        has_slope = np.zeros(len(positions), dtype=bool)
        if slopes is not None:
            near = np.abs(x - slopes.x)[space.coordinates[positions]] < 0.15
            others = space.categorical & (self._base != space.hold(slopes.centre.patch))
            if near.sum() > 0.7 * len(near) and not (others & space.free(self._base)).any():
                for i, position in enumerate(positions):
                    matches = np.flatnonzero(slopes.positions == position)
                    if len(matches) and near[i]:
                        rows[i], has_slope[i] = slopes.rows[matches[0]], True
        self.slopes = Slopes(centre, x, spectrogram, positions, rows)
        self._has_slope = has_slope

    def _make_probes(self, rng: np.random.Generator) -> list[Patch]:
        """Change each parameter without a slope by itself, and some of the others.

        Among the others, parameters with steep slopes have the better chances.
        """
        slopes, space = self.slopes, self._space
        assert slopes is not None
        to_probe = ~self._has_slope
        if self._has_slope.any():
            sizes = np.abs(slopes.rows).mean(axis=1) + 1e-3
            count = min(self._REMEASURED, int(self._has_slope.sum()))
            chances = np.where(self._has_slope, sizes, 0.0)
            again = rng.choice(len(sizes), count, replace=False, p=chances / chances.sum())
            to_probe[again] = True
        probes = []
        for position in slopes.positions[to_probe]:
            coordinate = space.coordinates[position]
            size = max(self._PROBE, 1.01 * space.least_change[position])
            change = size * rng.choice([-1.0, 1.0])
            if abs(slopes.x[coordinate] + change) > 1.0:
                change = -change
            x = slopes.x.copy()
            x[coordinate] = np.clip(slopes.x[coordinate] + change, -1.0, 1.0)
            probes.append(space.decode_at(self._base, x, np.array([position])))
        return probes

    def _measure(self, probes: Sequence[Candidate]) -> None:
        space, slopes = self._space, self.slopes
        assert slopes is not None
        vectors = space.encode([probe.patch for probe in probes])
        for probe, x in zip(probes, vectors, strict=True):
            for position in np.flatnonzero(probe.patch != self._base):
                coordinate = space.coordinates[position]
                row = np.flatnonzero(slopes.positions == position)
                difference = self._distance.picture(probe.audio) - slopes.spectrogram
                slopes.rows[row] = difference / np.float32(x[coordinate] - slopes.x[coordinate])

    def _move_centre(self, centre: Candidate) -> None:
        """Move to a better candidate, and correct the slopes by Broyden's rule."""
        slopes, space = self.slopes, self._space
        assert slopes is not None
        x, spectrogram = space.encode([centre.patch])[0], self._distance.picture(centre.audio)
        coordinates = space.coordinates[slopes.positions]
        step = (x - slopes.x)[coordinates].astype(np.float32)
        error = spectrogram - slopes.spectrogram - step @ slopes.rows
        slopes.rows += np.outer(step, error) / max(float(step @ step), 1e-9)
        slopes.centre, slopes.x, slopes.spectrogram = centre, x, spectrogram


def fit_step(
    rows: Float32[np.ndarray, "parameters cells"],
    residual: Float32[np.ndarray, " cells"],
    stiffness: float,
    low: Float[np.ndarray, " parameters"],
    high: Float[np.ndarray, " parameters"],
) -> Float[np.ndarray, " parameters"]:
    """Find the d within limits that minimises ``sum |residual - d rows| + a |d|^2``.

    a is the ``stiffness`` relative to the mean curvature. The method is iteratively reweighted
    least squares: the weights are 1 / |residual - d rows| of the iteration before.
    """
    step = np.zeros(len(rows))
    for _ in range(4):
        remaining = residual - step.astype(np.float32) @ rows
        weighted = rows / np.maximum(np.abs(remaining), 3.0)
        matrix, vector = (weighted @ rows.T).astype(float), (weighted @ residual).astype(float)
        matrix[np.diag_indices(len(rows))] += stiffness * np.trace(matrix) / len(rows) + 1e-9
        step = solve_within(matrix, vector, low, high)
    return step


def solve_within(
    matrix: Float[np.ndarray, "n n"],
    vector: Float[np.ndarray, " n"],
    low: Float[np.ndarray, " n"],
    high: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Minimise ``d matrix d / 2 - vector d`` with d within limits, by active sets.

    This is what :func:`scipy.optimize.lsq_linear` does on a Cholesky factor, in a twentieth of its
    time; a batch of six renders calls it two dozen times.
    """
    at_limit = np.zeros(len(vector), dtype=bool)
    step = np.zeros(len(vector))
    for _ in range(_MAX_ROUNDS):
        free = ~at_limit
        right = vector[free] - matrix[np.ix_(free, at_limit)] @ step[at_limit]
        step[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        outside = free & ((step < low) | (step > high))
        step = np.clip(step, low, high)
        downhill = vector - matrix @ step
        inwards = at_limit & np.where(step <= low, downhill > 0, downhill < 0)
        if not (outside | inwards).any():
            break
        at_limit = (at_limit | outside) & ~inwards
    return step
