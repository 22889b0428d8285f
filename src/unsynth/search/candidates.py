"""The nouns of a search: the target, proposed patches, and candidates with their scores."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.sampler_data import DeclaredNote
from unsynth.metrics.fast import FastSpectral
from unsynth.metrics.subsonic import Subsonic


@dataclass(frozen=True)
class Target:
    """The sound to match: 4 s long, with the engine's channels and sample rate.

    ``remarks`` tell the user how the file was changed (cut, downmixed, …). ``declared`` is the note
    that the file says it is.
    """

    name: str
    audio: Float32[np.ndarray, "channels samples"]
    sample_rate: int
    remarks: tuple[str, ...] = ()
    declared: DeclaredNote | None = None

    @cached_property
    def fast_distance(self) -> FastSpectral:
        """The search's distance to this sound, whose spectrograms are computed once."""
        return FastSpectral(self.audio, self.sample_rate)

    @cached_property
    def subsonic_cost(self) -> Subsonic:
        """What energy below 20 Hz costs an estimate of this sound."""
        return Subsonic(self.audio, self.sample_rate)


class Candidate:
    """One patch, its rendered sound, and its score.

    The score is the distance to the target plus the cost of energy below 20 Hz, in dB.
    ``origin`` names the source of the proposal, such as "index" or a move.

    A search holds hundreds of candidates, so the silence after the note is not stored: about half
    of each sound in matches of the example sounds.
    """

    def __init__(
        self,
        patch: Float[np.ndarray, " parameters"],
        audio: Float32[np.ndarray, "channels samples"],
        score: float,
        origin: str,
    ) -> None:
        self.patch, self.score, self.origin = patch, score, origin
        self._shape = audio.shape
        end = int(np.flatnonzero(audio.any(axis=0)).max(initial=-1)) + 1
        self._until_silence = audio[:, :end].copy()

    @property
    def audio(self) -> Float32[np.ndarray, "channels samples"]:
        """A fresh copy of the sound, silence included."""
        whole = np.zeros(self._shape, dtype=np.float32)
        whole[:, : self._until_silence.shape[1]] = self._until_silence
        return whole


#: A patch to try, and its origin.
Proposal = tuple[Float[np.ndarray, " parameters"], str]
#: Renders and scores proposals, in order; leaves out those that fail or are silent.
ScoreProposals = Callable[[Sequence[Proposal]], Iterator[Candidate]]


@dataclass(frozen=True)
class HistoryPoint:
    """The best score after a number of renders and seconds."""

    renders: int
    seconds: float
    score: float
