"""Levels of a sound in frames of 10 ms, and its constant offset (DC)."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

#: Length of a frame in seconds, as nearly as whole samples allow.
_FRAME = 0.01
#: Frames over which a mean is taken to be that of the offset: 100 ms, two periods of 20 Hz.
_QUIET = 10


class Frames(NamedTuple):
    """Power and mean of each whole frame of each channel, and the length of a frame in seconds."""

    powers: Float[np.ndarray, "channels frames"]
    means: Float[np.ndarray, "channels frames"]
    seconds: float

    def levels(
        self, offset: Float[np.ndarray, " channels"] | float = 0.0
    ) -> Float[np.ndarray, " frames"]:
        """Compute the RMS of each frame over all channels, without a constant offset."""
        shift = np.broadcast_to(offset, len(self.means))[:, None]
        powers = self.powers - shift * (2.0 * self.means - shift)
        return np.sqrt(np.maximum(0.0, powers.mean(axis=0)))

    def offset(self) -> Float[np.ndarray, " channels"]:
        """Estimate the constant offset of each channel.

        An offset is in the whole sound and in its quietest 100 ms. Of the two means, the one nearer
        to 0 is taken, and 0 if their signs differ: a short thump, or a note with an offset between
        silences, has one mean but not the other. A Hann window keeps low tones out of the means.
        A sound below 200 ms is too short to tell: 0.
        """
        if self.means.shape[1] < 2 * _QUIET:
            return np.zeros(len(self.means))
        window = np.hanning(_QUIET + 2)[1:-1] / np.hanning(_QUIET + 2).sum()
        offsets = []
        for powers, means in zip(self.powers, self.means, strict=True):
            quietest = np.convolve(powers, window, "valid").argmin()
            here = np.convolve(means, window, "valid")[quietest]
            whole = means.mean()
            offsets.append(min(here, whole, key=abs) if here * whole > 0 else 0.0)
        return np.array(offsets, dtype=np.float64)


def frame_samples(sample_rate: int) -> int:
    """Return the samples of a frame.

    >>> frame_samples(44_100), frame_samples(22_050)
    (441, 220)
    """
    return max(1, round(_FRAME * sample_rate))


def measure_frames(blocks: Iterable[Float32[np.ndarray, "channels _"]], sample_rate: int) -> Frames:
    """Measure a sound that comes in blocks of whole frames; only the last may end within one."""
    frame = frame_samples(sample_rate)
    powers, means = [], []
    for block in blocks:
        usable = block.shape[1] // frame * frame
        cut = block[:, :usable].reshape(len(block), -1, frame).astype(np.float64)
        powers.append(np.einsum("cfs,cfs->cf", cut, cut) / frame)
        means.append(cut.mean(axis=2))
    if not powers:
        return Frames(np.zeros((1, 0)), np.zeros((1, 0)), frame / sample_rate)
    return Frames(np.concatenate(powers, 1), np.concatenate(means, 1), frame / sample_rate)
