"""What goes into an inversion and comes out: proposed patches, re-rendered and ranked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from unsynth.inversion.locks import hold
from unsynth.metrics.audio import AudioMetrics
from unsynth.tasks.task import Task


@dataclass(frozen=True)
class Target:
    """The sound to match, as the engine could have made it: 4 s, the engine's channels and rate.

    ``remarks`` are sentences for the user about what was done to the file (cut, downmixed, …).
    """

    name: str
    audio: Float32[np.ndarray, "channels samples"]
    sample_rate: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One patch, what it sounds like, and its score: the search's distance to the target, in dB.

    ``origin`` names the source of the proposal, e.g. "index".
    """

    patch: Float[np.ndarray, " parameters"]
    audio: Float32[np.ndarray, "channels samples"]
    score: float
    origin: str


#: A patch to try, and where it comes from.
Proposal = tuple[Float[np.ndarray, " parameters"], str]
#: Renders proposals and scores them, in their order; those that fail or are silent are left out.
Judge = Callable[[Sequence[Proposal]], Iterator[Candidate]]


@dataclass(frozen=True)
class Point:
    """The best score after so many renders and seconds."""

    renders: int
    seconds: float
    score: float


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
