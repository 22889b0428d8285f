"""The result of a match, with everything that a report shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32

from unsynth.metrics.audio import AudioMetrics
from unsynth.search.candidates import Candidate, HistoryPoint, Target
from unsynth.tasks.locks import Locks
from unsynth.tasks.structure import number_structures
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Knob:
    """How far good candidates differ in an audible parameter.

    ``values`` are the least and the largest value among them; for a category, all values that
    occur. ``freedom`` is 0 if they agree, and about 1 if they differ as much as random patches.
    """

    name: str
    values: tuple[float, ...]
    freedom: float


@dataclass(frozen=True)
class Spread:
    """How good candidates differ in each knob: ``patches`` of them, within ``limit`` dB."""

    patches: int
    limit: float
    knobs: tuple[Knob, ...]


@dataclass(frozen=True)
class MatchResult:
    """The result of a match, with its candidates best first.

    ``metrics`` has the metrics of each candidate, ``random_metrics`` those of random draws on the
    target's note, and ``noise_floor`` those of the best candidate against its own second render.
    ``starts`` holds the best candidate of each origin before the search, with its metrics.
    ``history`` has a point for each better score and one for the end; the search started at
    ``search_began``. ``distance`` is the name of the distance that scores measure. ``spread`` is
    ``None`` if too few candidates are good. If the task's engine does not run at 44.1 kHz,
    ``at_usual_rate`` is the sound of the best candidate on one that does, with its metrics.
    ``stopped`` is true if the user ended the search early.
    """

    task: Task
    target: Target
    candidates: tuple[Candidate, ...]
    metrics: tuple[AudioMetrics, ...]
    random_metrics: tuple[AudioMetrics, ...]
    noise_floor: AudioMetrics
    starts: Mapping[str, tuple[Candidate, AudioMetrics]]
    history: tuple[HistoryPoint, ...]
    search_began: HistoryPoint
    distance: str
    seed: int
    locks: Locks
    spread: Spread | None = None
    at_usual_rate: tuple[Float32[np.ndarray, "channels samples"], AudioMetrics] | None = None
    stopped: bool = False

    @property
    def renders(self) -> int:
        """The renders of the match, without those for comparison."""
        return self.history[-1].renders

    @property
    def seconds(self) -> float:
        """The seconds of the match, without loading before it and comparison after it."""
        return self.history[-1].seconds

    @cached_property
    def structures(self) -> tuple[int, ...]:
        """The number of each candidate's structure, from 1."""
        return tuple(number_structures(self.task, [each.patch for each in self.candidates]))

    @property
    def exported(self) -> Float[np.ndarray, "items parameters"]:
        """The candidates' patches as they are exported: inaudible parameters are neutral.

        Inaudible parameters that are locked keep their values; the sound is the same.
        """
        neutral = [self.task.neutral(candidate.patch) for candidate in self.candidates]
        return np.stack([self.locks.hold(patch) for patch in neutral])
