"""A spectrogram on a semitone axis, relative to the note.

Patches are compared whatever note they were played on. On a semitone axis another note moves the
spectrogram up or down, so a sound's spectrogram is cut out relative to its note: shape
``(bands, segments)``, in dB below the peak, from two octaves below the note upwards. Its segments
start at the onset and grow longer with time, as the ear's attention does.
"""

import itertools
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.channels import to_mono
from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.spectra import frames, power, spectra

#: Samples of an FFT.
_FFT = 8192
#: Samples from one FFT to the next.
_HOP = 1024
#: MIDI pitch of the lowest band of :func:`semitone_levels`.
_LOWEST = 16
#: MIDI pitch past its highest band.
_HIGHEST = 136
#: Edges of the segments, in seconds after the onset; the last is the length of a sound, 4 s.
_EDGES = (0.0, 0.06, 0.15, 0.3, 0.6, 1.0, 1.6, 2.5, 4.0)
#: Number of segments.
SEGMENTS = len(_EDGES) - 1
#: Semitones of a spectrogram that is relative to a note.
BANDS = 96
#: How many of its bands lie below the note.
BELOW = 24


def semitone_levels(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int, onset: float
) -> Float[np.ndarray, "semitones segments"]:
    """Compute the mean level of each semitone (MIDI 16 to 135) in each segment.

    Levels are in dB below the peak, at least -80. A sound that the end of the audio cuts off is
    taken to go on as it was: a segment past the end repeats the one before it.
    """
    start = min(round(onset * sample_rate), audio.shape[1] - 1)
    mono = to_mono(audio[:, start:])
    powers = np.concatenate([power(block) for block in spectra(frames(mono, _FFT, _HOP))])
    times = np.arange(len(powers)) * _HOP / sample_rate
    end = len(mono) / sample_rate
    rows: list[Float32[np.ndarray, " bins"]] = []
    for first, last in itertools.pairwise(_EDGES):
        inside = (times >= first) & (times < min(last, end))
        if not inside.any():
            inside = np.arange(len(times)) == np.abs(times - (first + last) / 2).argmin()
        rows.append(rows[-1] if rows and first >= end else powers[inside].mean(axis=0))
    levels = triangles(sample_rate, _FFT, _LOWEST, _HIGHEST - _LOWEST) @ np.stack(rows, axis=1)
    relative = levels / max(levels.max(), 1e-30)
    return 10.0 * np.log10(np.maximum(relative, 10.0 ** (-DYNAMIC_RANGE / 10.0)))


def relative_to_note(
    levels: Float[np.ndarray, "semitones segments"], pitch: int
) -> Float[np.ndarray, "bands segments"]:
    """Cut the spectrogram relative to a note (MIDI pitch) out of :func:`semitone_levels`.

    Bands outside of them are -80 dB.
    """
    spectrogram = np.full((BANDS, levels.shape[1]), -DYNAMIC_RANGE, dtype=levels.dtype)
    first = pitch - BELOW - _LOWEST
    source = slice(max(0, first), max(0, min(len(levels), first + BANDS)))
    spectrogram[source.start - first : source.stop - first] = levels[source]
    return spectrogram


def segments_within(duration: float) -> Float32[np.ndarray, " segments"]:
    """Compute the share of each segment within ``duration`` seconds of the onset.

    The first segment always counts whole, however short the sound.

    >>> segments_within(0.8)
    array([1. , 1. , 1. , 1. , 0.5, 0. , 0. , 0. ], dtype=float32)
    """
    first, last = np.array(_EDGES[:-1]), np.array(_EDGES[1:])
    shares = np.clip((duration - first) / (last - first), 0.0, 1.0)
    shares[0] = 1.0
    return shares.astype(np.float32)


@lru_cache(maxsize=128)
def triangles(
    sample_rate: int, window: int, lowest: int, count: int
) -> Float32[np.ndarray, "semitones bins"]:
    """Make triangular filters for the bins of an FFT of ``window`` samples, one per semitone.

    ``count`` filters start at MIDI pitch ``lowest``. Each reaches from the semitone below to the
    one above, but at least one bin to either side, and has a weight of 1 at its centre.
    """
    hz = np.fft.rfftfreq(window, 1.0 / sample_rate)
    centres = 440.0 * 2.0 ** ((np.arange(lowest, lowest + count) - 69.0) / 12.0)
    width = np.maximum(centres * (2.0 ** (1.0 / 12.0) - 1.0), sample_rate / window)
    weights = np.maximum(0.0, 1.0 - np.abs(hz[None] - centres[:, None]) / width[:, None])
    return weights.astype(np.float32)
