"""Gauss-Newton steps as a move."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate
from unsynth.search.moves.move import Move
from unsynth.search.space import Pool, Space
from unsynth.tasks.spec import Patch

#: Rounds in which numbers join or leave the set of those at a limit, at most.
_SETS = 12


@dataclass
class Slopes:
    """How a candidate's picture changes with its numbers: a row of ``rows`` a parameter, a unit."""

    centre: Candidate
    x: Float[np.ndarray, " d"]
    picture: Float32[np.ndarray, " cells"]
    parameters: np.ndarray
    rows: Float32[np.ndarray, "parameters cells"]


class Linear(Move):
    """Gauss-Newton: how each number changes the sound's picture, and what changes would fit it.

    A probe changes each number of a good candidate by itself. With the changes J of its picture f,
    the step d that solves

        min over d of  sum_j |t_j - f_j - (J d)_j| + a |d|^2,    within the ranges,

    brings it nearest to the target's picture t, as far as pictures are linear. After each step J is
    corrected by what has come of it (C. G. Broyden, "A Class of Methods for Solving Nonlinear
    Simultaneous Equations", Mathematics of Computation 19, 1965), and later probes measure only
    some of it anew.
    """

    name, batch, asks = "linear", 6, True
    #: How far a probe changes a number; a step is worth another if it gains so much, relatively.
    _PROBE, _WORTH = 0.08, 0.004
    #: Numbers that are measured anew where the others' slopes are known.
    _ANEW = 20

    def __init__(self, space: Space, distance: FastSpectral) -> None:
        self._space, self._distance = space, distance
        self._spent: set[bytes] = set()
        self._stepping = False
        self.slopes: Slopes | None = None

    @property
    def unfinished(self) -> bool:
        """After a probe a step follows, and another after one that was worth it."""
        return self._stepping

    def propose(self, pool: Pool, count: int, rng: np.random.Generator) -> list[Patch]:
        """Probe the best candidate, if it was not probed, or make steps of several lengths."""
        if self._stepping:
            assert self.slopes is not None
            return [
                self._stepped(self.slopes, stiffness, reach)
                for stiffness, reach in (
                    *((0.003, 0.4), (0.01, 0.1), (0.03, 0.2)),
                    *((0.1, 0.1), (0.3, 0.4), (1.0, 0.4)),
                )
            ]
        if pool[0].patch.tobytes() in self._spent:
            return []
        self._approach(pool[0])
        return self._probes(rng)

    def _stepped(self, slopes: Slopes, stiffness: float, reach: float) -> Patch:
        """Step to where the picture is nearest to the target's, by the slopes.

        ``stiffness`` is the weight of the step's own size, ``reach`` how far a number may go.
        """
        x, places = slopes.x.copy(), self._space.starts[slopes.parameters]
        missing = self._distance.target_picture - slopes.picture
        low, high = np.maximum(-reach, -1.0 - x[places]), np.minimum(reach, 1.0 - x[places])
        x[places] += fitted(slopes.rows, missing, stiffness, low, high)
        patch = self._space.hold(slopes.centre.patch)
        return self._space.moved(patch, x, slopes.parameters)

    def _approach(self, centre: Candidate) -> None:
        """Keep what is known of slopes where most numbers are as they were."""
        space, slopes = self._space, self.slopes
        self._base = space.hold(centre.patch)
        x, picture = space.encode([self._base])[0], self._distance.picture(centre.audio)
        free = np.flatnonzero(space.free(self._base) & ~space.categorical)
        rows = np.zeros((len(free), len(picture)), dtype=np.float32)
        known = np.zeros(len(free), dtype=bool)
        if slopes is not None:
            near = np.abs(x - slopes.x)[space.starts[free]] < 0.15
            others = space.categorical & (self._base != space.hold(slopes.centre.patch))
            if near.sum() > 0.7 * len(near) and not (others & space.free(self._base)).any():
                for k, position in enumerate(free):
                    at = np.flatnonzero(slopes.parameters == position)
                    if len(at) and near[k]:
                        rows[k], known[k] = slopes.rows[at[0]], True
        self.slopes = Slopes(centre, x, picture, free, rows)
        self._known = known

    def _probes(self, rng: np.random.Generator) -> list[Patch]:
        slopes, space = self.slopes, self._space
        assert slopes is not None
        wanted = ~self._known
        if self._known.any():
            sizes = np.abs(slopes.rows).mean(axis=1) + 1e-3
            anew = min(self._ANEW, int(self._known.sum()))
            chances = np.where(self._known, sizes, 0.0)
            wanted[rng.choice(len(sizes), anew, replace=False, p=chances / chances.sum())] = True
        probes = []
        for position in slopes.parameters[wanted]:
            place = space.starts[position]
            change = max(self._PROBE, 1.01 * space.least[position]) * rng.choice([-1.0, 1.0])
            if abs(slopes.x[place] + change) > 1.0:
                change = -change
            moved = slopes.x.copy()
            moved[place] = np.clip(slopes.x[place] + change, -1.0, 1.0)
            probes.append(space.moved(self._base, moved, np.array([position])))
        return probes

    def learn(self, found: Sequence[Candidate]) -> None:
        """Take slopes from a probe; go on from a step that was worth it."""
        slopes = self.slopes
        if slopes is None or not found:
            self._stepping = False
            return
        if not self._stepping:
            self._measure(found)
            self._spent.add(slopes.centre.patch.tobytes())
            self._stepping = True
            return
        best = min(found, key=lambda candidate: candidate.score)
        self._stepping = best.score < (1.0 - self._WORTH) * slopes.centre.score
        if best.score < slopes.centre.score:
            self._move(best)

    def _measure(self, found: Sequence[Candidate]) -> None:
        space, slopes = self._space, self.slopes
        assert slopes is not None
        for probe, x in zip(found, space.encode([c.patch for c in found]), strict=True):
            for position in np.flatnonzero(probe.patch != self._base):
                place, at = space.starts[position], np.flatnonzero(slopes.parameters == position)
                difference = self._distance.picture(probe.audio) - slopes.picture
                slopes.rows[at] = difference / np.float32(x[place] - slopes.x[place])

    def _move(self, to: Candidate) -> None:
        slopes, space = self.slopes, self._space
        assert slopes is not None
        x, picture = space.encode([to.patch])[0], self._distance.picture(to.audio)
        places = space.starts[slopes.parameters]
        step = (x - slopes.x)[places].astype(np.float32)
        missed = picture - slopes.picture - step @ slopes.rows
        slopes.rows += np.outer(step, missed) / max(float(step @ step), 1e-9)
        slopes.centre, slopes.x, slopes.picture = to, x, picture


def fitted(
    rows: Float32[np.ndarray, "parameters cells"],
    missing: Float32[np.ndarray, " cells"],
    stiffness: float,
    low: Float[np.ndarray, " parameters"],
    high: Float[np.ndarray, " parameters"],
) -> Float[np.ndarray, " parameters"]:
    """Find d within its limits that minimises ``sum |missing - d rows| + a |d|^2``.

    By least squares with weights that are anew 1 / |residual|, each solved for the numbers that
    are not at a limit.
    """
    step = np.zeros(len(rows))
    for _ in range(4):
        residual = missing - step.astype(np.float32) @ rows
        weighted = rows / np.maximum(np.abs(residual), 3.0)
        square, slope = (weighted @ rows.T).astype(float), (weighted @ missing).astype(float)
        square[np.diag_indices(len(rows))] += stiffness * np.trace(square) / len(rows) + 1e-9
        step = within(square, slope, low, high)
    return step


def within(
    square: Float[np.ndarray, "n n"],
    slope: Float[np.ndarray, " n"],
    low: Float[np.ndarray, " n"],
    high: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Minimise ``d square d / 2 - slope d`` with d within limits, by active sets.

    As :func:`scipy.optimize.lsq_linear` does on a Cholesky factor, in a twentieth of its time: a
    batch of six renders asks for it two dozen times.
    """
    at_limit = np.zeros(len(slope), dtype=bool)
    step = np.zeros(len(slope))
    for _ in range(_SETS):
        free = ~at_limit
        wanted = slope[free] - square[np.ix_(free, at_limit)] @ step[at_limit]
        step[free] = np.linalg.solve(square[np.ix_(free, free)], wanted)
        outside = free & ((step < low) | (step > high))
        step = np.clip(step, low, high)
        downhill = slope - square @ step
        inwards = at_limit & np.where(step <= low, downhill > 0, downhill < 0)
        if not (outside | inwards).any():
            break
        at_limit = (at_limit | outside) & ~inwards
    return step
