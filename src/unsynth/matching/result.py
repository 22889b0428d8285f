"""The result of a match, with all that a report shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from unsynth.metrics.audio import AudioMetrics
from unsynth.search.candidates import Candidate, Point, Target
from unsynth.tasks.locks import hold
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Knob:
    """How far good candidates differ in a parameter that can be heard.

    ``values`` are its least and largest among them, or, of a category, all that occur;
    ``freedom`` is 0 where they agree and about 1 where they differ as much as random patches.
    """

    name: str
    values: tuple[float, ...]
    freedom: float


@dataclass(frozen=True)
class Spread:
    """What ``patches`` candidates, all within ``limit`` of the target, say of the knobs."""

    patches: int
    limit: float
    knobs: tuple[Knob, ...]


@dataclass(frozen=True)
class Inversion:
    """Everything a report needs, best candidate first.

    ``metrics`` are each candidate's, ``random_metrics`` those of draws from the prior that were
    moved to the target's note, and ``noise_floor`` those of the best candidate against its own
    second render. ``starts`` are the best of each origin before the search, with their metrics.
    ``history`` has a point for each better score, and one for the end; ``search_began`` is when
    the search took over, and ``distance`` names what scores are. ``spread`` is ``None`` where too
    few candidates are good. ``locked`` are values that the user held, ``stopped`` says that the
    user ended it before its time.
    """

    task: Task
    target: Target
    candidates: tuple[Candidate, ...]
    metrics: tuple[AudioMetrics, ...]
    random_metrics: tuple[AudioMetrics, ...]
    noise_floor: AudioMetrics
    starts: Mapping[str, tuple[Candidate, AudioMetrics]]
    history: tuple[Point, ...]
    search_began: Point
    distance: str
    seed: int
    locked: Mapping[str, float]
    spread: Spread | None = None
    stopped: bool = False

    @property
    def renders(self) -> int:
        """Renders of the match, all but those for comparison."""
        return self.history[-1].renders

    @property
    def seconds(self) -> float:
        """Seconds of the match, without what is loaded before and compared after it."""
        return self.history[-1].seconds

    @property
    def exported(self) -> Float[np.ndarray, "items parameters"]:
        """The candidates' patches as they are written: what cannot be heard is neutral.

        What is locked keeps its value there too, which does not change the sound.
        """
        spec = self.task.spec
        neutral = [self.task.neutral(candidate.patch) for candidate in self.candidates]
        return np.stack([hold(spec, patch, self.locked) for patch in neutral])
