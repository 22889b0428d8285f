"""The onset of a sound, and the end of its note.

A recording may begin with noise before its note. It is recognised by its level, which stays the
same until the note rises out of it.
"""

from bisect import insort

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.levels import frame_samples, measure_frames

#: Frames before and after a point that :func:`loudest_onset` compares: 100 ms each.
_AROUND = 10
#: Frames that its levels are smoothed over: 50 ms.
_SMOOTH = 5
#: How far before its loudest point a rise may begin, in frames: 3 s.
_LONGEST_RISE = 300
#: A level that falls by less than 1 dB in half a second (in frames) is not that of a rise.
_STILL, _FALLS = 50, 0.89
#: How far below the largest sample the first one of a sound may be (-40 dB).
_FIRST_SAMPLE = 0.01
#: A level that is this many times the noise stands out of it (6 dB).
_ABOVE_NOISE = 2.0
#: Levels below this share of the loudest count as equal (-60 dB).
_INAUDIBLE = 1e-3
#: Noise is at most this share of the loudest level (-26 dB).
LOUDEST_NOISE = 0.05
#: Noise holds at most this share of a sound's energy.
_NOISE_ENERGY = 0.1
#: The two halves of noise have levels within this ratio of each other (3 dB).
_EVEN = 2.0**0.5
#: Noise lasts for at least this many frames: 50 ms.
_SHORTEST_NOISE = 5
#: A level that stands out for fewer frames is a click in the noise: 30 ms.
_LONGEST_CLICK = 3
#: The longest digital silence that encoders put before a sound, in frames.
_PADDING = 6


def frame_levels(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> Float[np.ndarray, " frames"]:
    """Compute the RMS of each whole 10 ms, over all channels."""
    return measure_frames([audio], sample_rate).levels()


def loudest_onset(levels: Float[np.ndarray, " frames"]) -> int:
    """Find the frame in which the largest rise in level begins.

    The rise at a point is the RMS of the 100 ms after it minus the RMS of the 100 ms before it.
    It begins where the level before it was at most 6 dB above its lowest (or 40 dB below the
    loudest): a swell of two seconds begins two seconds before it is loud.

    >>> loudest_onset(np.array([0.1] * 50 + [1.0] * 50))
    50
    """
    powers = np.square(levels)
    padded = np.concatenate([np.zeros(_AROUND), powers, np.zeros(_AROUND)])
    sums = np.concatenate([[0.0], padded.cumsum()])
    at = np.arange(len(levels)) + _AROUND
    after = np.sqrt(np.maximum(0.0, sums[at + _AROUND] - sums[at]))
    before = np.sqrt(np.maximum(0.0, sums[at] - sums[at - _AROUND]))
    rise = int((after - before).argmax())
    # Backwards from the rise, as long as the level falls.
    first = max(0, rise - _LONGEST_RISE)
    smooth = np.sqrt(np.convolve(powers, np.full(_SMOOTH, 1.0 / _SMOOTH), "same"))
    back = np.maximum(smooth[first : rise + 1][::-1], _INAUDIBLE * levels.max())
    lowest = np.minimum.accumulate(back)
    over = back > _ABOVE_NOISE * lowest
    over[:-_STILL] |= lowest[_STILL:] > _FALLS * lowest[:-_STILL]
    ends = np.flatnonzero(over)
    end = int(ends[0]) if ends.size else len(back) - 1
    threshold = max(_ABOVE_NOISE * lowest[end], _FIRST_SAMPLE * levels.max())
    quiet = np.flatnonzero(levels[rise - end : rise] <= threshold)
    return rise - end + int(quiet[-1]) + 1 if quiet.size else rise - end


def first_onset(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> float:
    """Find the time in seconds of the first sample within 40 dB of the largest; 0 in silence.

    Noise before the note, and clicks in it, are passed over.
    """
    frames, level = noise_before_note(frame_levels(audio, sample_rate))
    first = frames * frame_samples(sample_rate)
    size = np.abs(audio[:, first:]).max(axis=0)
    threshold = max(_FIRST_SAMPLE * np.abs(audio).max(), _ABOVE_NOISE * level)
    return float((first + (size >= threshold).argmax()) / sample_rate)


def noise_before_note(
    levels: Float[np.ndarray, " frames"], limit: float = LOUDEST_NOISE
) -> tuple[int, float]:
    """Count the frames of noise at the start of a sound, and find the level of the noise.

    Noise is even, at most ``limit`` times the loudest frame (-26 dB), and ends where the level
    stays more than 6 dB above it. Silence counts as noise whose level is 0. Without either, both
    results are 0.
    """
    loudest = levels.max(initial=0.0)
    padding = int((levels > 0.1 * _INAUDIBLE * loudest).argmax())
    start = padding if padding < _PADDING else 0
    rest = np.maximum(levels[start:], _INAUDIBLE * loudest)
    before = sorted(rest[:_SHORTEST_NOISE])
    for count in range(_SHORTEST_NOISE, len(rest) - _LONGEST_CLICK + 1):
        noise = float(before[len(before) // 2])
        if noise > limit * loudest:
            break
        if min(rest[count : count + _LONGEST_CLICK]) > _ABOVE_NOISE * noise:
            halves = np.median(rest[: count // 2]), np.median(rest[count // 2 : count])
            energy = np.square(levels[: start + count]).sum() / np.square(levels).sum()
            if max(halves) > _EVEN * min(halves) or energy > _NOISE_ENERGY:
                break
            return start + count, noise if noise > _INAUDIBLE * loudest else 0.0
        insort(before, rest[count])
    return 0, 0.0


def note_end(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int, onset: float
) -> float:
    """Estimate the time of the release, in seconds after ``onset``: the last steep fall in level.

    A fall is the change in dB over 100 ms. It is steep if it is at least 6 dB and at least half of
    the steepest fall. Without a steep fall, the note ends with the audio.
    """
    levels, frame = frame_levels(audio, sample_rate), frame_samples(sample_rate) / sample_rate
    first = round(onset / frame) + 3
    decibels = 20.0 * np.log10(np.maximum(levels, levels.max() * 1e-3 + 1e-20))
    falls = decibels[first:-_AROUND] - decibels[first + _AROUND :]
    steep = np.flatnonzero(falls >= max(6.0, 0.5 * falls.max(initial=0.0)))
    if not steep.size:
        return audio.shape[1] / sample_rate - onset
    gaps = np.flatnonzero(np.diff(steep) > 3)
    start = first + int(steep[gaps[-1] + 1] if gaps.size else steep[0])
    held = np.flatnonzero(decibels[start : start + _AROUND] >= decibels[start] - 3.0)[-1]
    return float((start + held + 1) * frame - onset)
