"""Remove the steady noise of a recording, such as hiss or hum.

A search would match the noise too: it would hold notes to the end of the sound to fill it. Noise
is known where the note is silent: before its onset, or in the last half second. A bin of the
short-time spectrum is kept where its power stands out of the noise there, and reduced by spectral
subtraction (S. Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE
TASSP 27(2), 1979); all other bins are silenced.
"""

import math

import numpy as np
from jaxtyping import Bool, Complex, Float, Float32

from unsynth.audio.levels import frame_samples
from unsynth.audio.onset import LOUDEST_NOISE, frame_levels, noise_before_note

#: Length of a window, and from one to the next, in seconds.
_WINDOW, _HOP = 0.046, 0.0115
#: The shortest noise before a note and after it, in frames: 100 and 500 ms.
_SHORTEST_LEAD, _SHORTEST_TAIL = 10, 50
#: Noise below this level is left alone, in dB.
_QUIETEST = -55.0
#: Hiss before a note may be louder than other noise: -16 dB.
_LOUDEST_HISS = 0.16
#: Levels of noise after a note stay within this ratio of their median (3 dB), ...
_STEADY = 2.0**0.5
#: ... and the medians of their halves within this ratio (1 dB).
_EVEN = 10.0**0.05
#: Of noise, the squared mean magnitude is pi/4 of the mean power; of a steady tone, all of it.
_NOISE_LIKE = 0.9
#: Power, averaged over 3 x 3 bins, that stands out of the noise: 6 dB above it.
_STANDS_OUT = 4.0
#: A patch of fewer bins that stands out is a chance of the noise.
_SMALLEST = 16
#: The least gain of a bin that is kept.
_LEAST_GAIN = 0.3

Audio = Float32[np.ndarray, "channels samples"]


def remove_noise(audio: Audio, sample_rate: int) -> tuple[Audio, float | None]:
    """Remove steady noise; return the sound, and the level that the noise had.

    The level is in dB relative to the loudest 10 ms. A sound in which no noise is recognised is
    returned as it is, with ``None``.
    """
    length = int(np.flatnonzero(audio.any(axis=0)).max(initial=-1)) + 1
    levels = frame_levels(audio[:, :length], sample_rate)
    is_noise = _noise_frames(levels) if length else np.zeros(1, dtype=bool)
    if not is_noise.any():
        return audio, None
    level = 10.0 * math.log10(np.square(levels[is_noise]).mean() / levels.max() ** 2)
    if level < _QUIETEST:
        return audio, None
    # Imported here: it takes more than half a second, and few sounds need it.
    from scipy.signal import ShortTimeFFT

    frame, window = frame_samples(sample_rate), round(_WINDOW * sample_rate)
    stft = ShortTimeFFT(np.hanning(window), round(_HOP * sample_rate), sample_rate)
    spectra = stft.stft(audio[:, :length].astype(np.float64), padding="even")
    # The windows that lie within the noise.
    starts = stft.t(length) * sample_rate - window / 2
    sums = np.concatenate([[0], is_noise.cumsum()])
    first = np.clip(starts // frame, 0, len(levels)).astype(int)
    last = np.clip((starts + window) // frame + 1, 0, len(levels)).astype(int)
    inside = (starts >= 0) & (last > first) & (sums[last] - sums[first] == last - first)
    noise = spectra[:, :, inside]
    # What is soft and steady before a note is noise; elsewhere, a tone may be part of the sound.
    may_be_hum = is_noise[0] and level <= 20.0 * math.log10(LOUDEST_NOISE)
    if noise.shape[2] < 2 or not (may_be_hum or _is_noise_like(noise)):
        return audio, None
    gain = _gains(np.square(np.abs(spectra)), np.square(np.abs(noise)).mean(axis=2))
    clean = np.zeros_like(audio)
    clean[:, :length] = stft.istft(spectra * gain, k1=length)
    return clean, level


def _noise_frames(levels: Float[np.ndarray, " frames"]) -> Bool[np.ndarray, " frames"]:
    """Find the 10 ms frames that hold only noise, before and after the note.

    What is after it counts only if it is as loud as what is before it, where anything is.
    """
    is_noise = np.zeros(len(levels), dtype=bool)
    frames, level = noise_before_note(levels, _LOUDEST_HISS)
    if frames >= _SHORTEST_LEAD and level > 0.0:
        # The last frames may hold the beginning of the note.
        is_noise[: frames - 2] = True
    middle = float(np.median(levels[-_SHORTEST_TAIL:]))
    loudest = _STEADY * level if frames >= _SHORTEST_LEAD else LOUDEST_NOISE * levels.max()
    if len(levels) > 2 * _SHORTEST_TAIL and 0.0 < middle <= loudest:
        uneven = np.flatnonzero((levels > _STEADY * middle) | (levels * _STEADY < middle))
        steady = levels[int(uneven.max(initial=-1)) + 1 :]
        halves = [np.median(half) for half in np.array_split(steady, 2) if len(half)]
        if len(steady) >= _SHORTEST_TAIL and max(halves) <= _EVEN * min(halves):
            is_noise[-len(steady) + 2 :] = True
    return is_noise


def _is_noise_like(spectra: Complex[np.ndarray, "channels bins windows"]) -> bool:
    """Tell noise from a held tone: the magnitudes of its bins vary from window to window."""
    power = np.square(np.abs(spectra)).mean(axis=2)
    share = np.square(np.abs(spectra).mean(axis=2)).sum() / power.sum()
    return bool(share < _NOISE_LIKE)


def _gains(
    power: Float[np.ndarray, "channels bins windows"], noise: Float[np.ndarray, "channels bins"]
) -> Float[np.ndarray, "channels bins windows"]:
    """Return the gain of each bin: 0 where nothing stands out of the noise."""
    from scipy import ndimage  # slow to import, and few sounds need it

    noise = np.maximum(noise, ndimage.uniform_filter1d(noise, 5, axis=1))[:, :, None]
    noise = np.maximum(noise, 1e-20)
    stands_out = ndimage.uniform_filter(power / noise, (0, 3, 3)) > _STANDS_OUT
    for channel in stands_out:
        patches, count = ndimage.label(channel)
        sizes = ndimage.sum_labels(channel, patches, np.arange(count + 1))
        channel &= sizes[patches] >= _SMALLEST
    around = np.ones((1, 3, 3), dtype=bool)
    stands_out = ndimage.binary_dilation(stands_out, around)
    gain = np.sqrt(np.maximum(0.0, 1.0 - noise / np.maximum(power, 1e-20)))
    return np.where(stands_out, np.maximum(gain, _LEAST_GAIN), 0.0)
