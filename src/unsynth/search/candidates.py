"""What goes into an inversion and comes out: proposed patches, re-rendered and ranked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32


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
