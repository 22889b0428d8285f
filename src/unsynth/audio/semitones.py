"""A spectrogram on a semitone axis, where another note is the same picture moved.

Patches are compared whatever note they were played on: the picture of a sound is cut out
relative to a note, ``(bands, segments)`` in dB below the peak, from two octaves under the note
upwards, over segments after the onset that grow with time as the ear's attention does.
"""

import itertools
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.spectra import frames, power, spectra

_FFT, _HOP = 8192, 1024
_LOWEST, _HIGHEST = 16, 136
#: Segments after the onset, in seconds; the last ends with the 4 s that are heard.
_EDGES = (0.0, 0.06, 0.15, 0.3, 0.6, 1.0, 1.6, 2.5, 4.0)
SEGMENTS = len(_EDGES) - 1
#: Bands of a picture, and how many of them lie below the note.
BANDS, BELOW = 96, 24


def semitone_levels(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int, onset: float
) -> Float[np.ndarray, "semitones segments"]:
    """Mean level of each semitone (MIDI 16 to 135) in each segment, in dB below the peak.

    A sound that is cut off by the end of the audio is taken to go on as it was: a segment that
    lies past the end repeats the one before.
    """
    start = min(round(onset * sample_rate), audio.shape[1] - 1)
    mono = audio[:, start:].mean(axis=0, dtype=np.float32)
    found = np.concatenate([power(block) for block in spectra(frames(mono, _FFT, _HOP))])
    times = np.arange(len(found)) * _HOP / sample_rate
    end = len(mono) / sample_rate
    rows: list[Float32[np.ndarray, " bins"]] = []
    for first, last in itertools.pairwise(_EDGES):
        inside = (times >= first) & (times < min(last, end))
        if not inside.any():
            inside = np.arange(len(times)) == np.abs(times - (first + last) / 2).argmin()
        rows.append(rows[-1] if rows and first >= end else found[inside].mean(axis=0))
    levels = triangles(sample_rate, _FFT, _LOWEST, _HIGHEST - _LOWEST) @ np.stack(rows, axis=1)
    relative = levels / max(levels.max(), 1e-30)
    return 10.0 * np.log10(np.maximum(relative, 10.0 ** (-DYNAMIC_RANGE / 10.0)))


def relative_to_note(
    levels: Float[np.ndarray, "semitones segments"], pitch: int
) -> Float[np.ndarray, "bands segments"]:
    """Cut out the picture of a sound relative to a note; what lies outside is silent."""
    picture = np.full((BANDS, levels.shape[1]), -DYNAMIC_RANGE, dtype=levels.dtype)
    first = pitch - BELOW - _LOWEST
    source = slice(max(0, first), max(0, min(len(levels), first + BANDS)))
    picture[source.start - first : source.stop - first] = levels[source]
    return picture


def segments_within(duration: float) -> Float32[np.ndarray, " segments"]:
    """Share of each segment that lies in the first ``duration`` seconds; all of the first."""
    first, last = np.array(_EDGES[:-1]), np.array(_EDGES[1:])
    shares = np.clip((duration - first) / (last - first), 0.0, 1.0)
    shares[0] = 1.0
    return shares.astype(np.float32)


@lru_cache(maxsize=128)
def triangles(
    sample_rate: int, window: int, lowest: int, count: int
) -> Float32[np.ndarray, "semitones bins"]:
    """Triangles a semitone apart, no narrower than a bin of the window, each of weight 1."""
    hz = np.fft.rfftfreq(window, 1.0 / sample_rate)
    centres = 440.0 * 2.0 ** ((np.arange(lowest, lowest + count) - 69.0) / 12.0)
    width = np.maximum(centres * (2.0 ** (1.0 / 12.0) - 1.0), sample_rate / window)
    weights = np.maximum(0.0, 1.0 - np.abs(hz[None] - centres[:, None]) / width[:, None])
    return weights.astype(np.float32)
