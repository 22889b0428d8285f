"""What goes into an inversion and comes out: proposed patches, re-rendered and ranked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

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
    """One patch, what it sounds like, and its distance to the target (MSS, dB; 0 is identical).

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
class Inversion:
    """Everything a report needs, best candidate first.

    ``random_scores`` are those of draws from the prior that were moved to the target's note;
    ``noise_floor`` is the best candidate's score against its own second render.
    """

    task: Task
    target: Target
    candidates: tuple[Candidate, ...]
    random_scores: Float[np.ndarray, " draws"]
    noise_floor: float
    renders: int
    seconds: float
    seed: int
