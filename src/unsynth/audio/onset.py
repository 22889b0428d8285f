"""The onset of a sound, and the end of its note."""

import numpy as np
from jaxtyping import Float, Float32

#: Length of a frame of :func:`frame_levels`, in seconds.
FRAME = 0.01
#: Frames before and after a point that :func:`loudest_onset` compares: 100 ms each.
_AROUND = 10
#: How far below the largest sample the first one of a sound may be, in dB.
_BELOW_PEAK_DB = 40.0


def frame_levels(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> Float[np.ndarray, " frames"]:
    """Compute the RMS of each whole 10 ms, over all channels."""
    frame = max(1, round(FRAME * sample_rate))
    usable = audio.shape[1] // frame * frame
    power = np.square(audio[:, :usable], dtype=np.float64).mean(axis=0)
    return np.sqrt(power.reshape(-1, frame).mean(axis=1))


def loudest_onset(levels: Float[np.ndarray, " frames"]) -> float:
    """Find the time in seconds at which the level rises the most.

    The rise at a point is the RMS of the 100 ms after it minus the RMS of the 100 ms before it.

    >>> loudest_onset(np.array([0.1] * 50 + [1.0] * 50))
    0.5
    """
    padded = np.concatenate([np.zeros(_AROUND), levels, np.zeros(_AROUND)])
    sums = np.concatenate([[0.0], np.square(padded).cumsum()])
    at = np.arange(len(levels)) + _AROUND
    after = np.sqrt(np.maximum(0.0, sums[at + _AROUND] - sums[at]))
    before = np.sqrt(np.maximum(0.0, sums[at] - sums[at - _AROUND]))
    return float((after - before).argmax() * FRAME)


def first_onset(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> float:
    """Find the time in seconds of the first sample within 40 dB of the largest; 0 in silence."""
    size = np.abs(audio).max(axis=0)
    threshold = size.max() * 10.0 ** (-_BELOW_PEAK_DB / 20.0)
    return float((size >= threshold).argmax() / sample_rate)


def note_end(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int, onset: float
) -> float:
    """Estimate the time of the release, in seconds after ``onset``: the last steep fall in level.

    A fall is the change in dB over 100 ms. It is steep if it is at least 6 dB and at least half of
    the steepest fall. Without a steep fall, the note ends with the audio.
    """
    levels = frame_levels(audio, sample_rate)
    first = round(onset / FRAME) + 3
    decibels = 20.0 * np.log10(np.maximum(levels, levels.max() * 1e-3 + 1e-20))
    falls = decibels[first:-_AROUND] - decibels[first + _AROUND :]
    steep = np.flatnonzero(falls >= max(6.0, 0.5 * falls.max(initial=0.0)))
    if not steep.size:
        return audio.shape[1] / sample_rate - onset
    gaps = np.flatnonzero(np.diff(steep) > 3)
    start = first + int(steep[gaps[-1] + 1] if gaps.size else steep[0])
    held = np.flatnonzero(decibels[start : start + _AROUND] >= decibels[start] - 3.0)[-1]
    return float((start + held + 1) * FRAME - onset)
