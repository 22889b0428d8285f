"""An engine at the sample rate of a user's project.

An engine may sound different at another rate: Dexed holds a level for (44100 / rate)^2 times as
long. So a patch is best searched for at the rate that it will be played at. Only the engine runs at
that rate; its sounds are resampled, and everything else stays as it is.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import soxr
from jaxtyping import Float32

from unsynth.conventions import HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATE, SECONDS
from unsynth.errors import TaskError
from unsynth.synths.base import Note, Synth


def check_rate(rate: int) -> None:
    """Raise :class:`TaskError` for a sample rate that engines are not run at."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise TaskError(
            f"a rate of {rate} Hz: an engine runs at {LOWEST_RATE} to {HIGHEST_RATE} Hz, such as "
            "48000"
        )


def synth_at(make: Callable[[int], Synth[Any]], rate: int) -> Synth[Any]:
    """Make an engine that runs at ``rate`` and whose sounds have unsynth's rate."""
    return make(rate) if rate == SAMPLE_RATE else ResampledSynth(make(rate))


class ResampledSynth:
    """A :class:`~unsynth.synths.base.Synth` whose sounds are resampled to ``SAMPLE_RATE``."""

    sample_rate = SAMPLE_RATE

    def __init__(self, synth: Synth[Any]) -> None:
        self._synth = synth
        self.channels, self.deterministic = synth.channels, synth.deterministic
        self.concurrency = synth.concurrency

    def render(
        self, patch: Any, note: Note, seconds: float = SECONDS
    ) -> Float32[np.ndarray, "channels samples"]:
        """Play one note; raises the engine's errors."""
        sound = self._synth.render(patch, note, seconds)
        resampled = soxr.resample(sound.T, self._synth.sample_rate, self.sample_rate).T
        # The number of samples may be rounded otherwise than for an engine at this rate.
        samples = round(seconds * self.sample_rate)
        missing = max(0, samples - resampled.shape[1])
        return np.ascontiguousarray(np.pad(resampled[:, :samples], ((0, 0), (0, missing))))
