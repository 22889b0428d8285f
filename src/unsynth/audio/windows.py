"""A few windows of a sound after the onset of its note, and what is seen in them.

Eight long windows tell semitones apart and forty-one short ones how a note moves: attacks, beats,
tremolo, vibrato and glides. Together they are a third of the sound, so where only they are wanted,
only they have to be played.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32, Int

from unsynth.audio.mel import DYNAMIC_RANGE
from unsynth.audio.semitones import BANDS, BELOW, triangles
from unsynth.audio.spectra import power, spectra

#: Samples of windows, and where they begin, in seconds after the onset.
LONG, SHORT = 4096, 1024
_LONG_TIMES = (0.0, 0.1, 0.25, 0.45, 0.8, 1.3, 2.0, 3.0)
_SHORT_TIMES = (
    *(0.0, 0.02, 0.04, 0.06, 0.1, 0.12, 0.14, 0.16),
    *np.linspace(0.2, 3.4, 33).round(3).tolist(),
)
SEGMENTS, FRAMES = len(_LONG_TIMES), len(_SHORT_TIMES)
#: Half octaves, in the middle of one of which lie the note and its octaves.
_WIDTH = 6
TRACKS = BANDS // _WIDTH


def beginnings(sample_rate: int) -> tuple[Int[np.ndarray, " long"], Int[np.ndarray, " short"]]:
    """Find the first samples of long and of short windows after the onset."""
    long, short = (np.rint(np.array(t) * sample_rate) for t in (_LONG_TIMES, _SHORT_TIMES))
    return long.astype(int), short.astype(int)


def picture(
    audio: Float32[np.ndarray, " samples"], sample_rate: int, onset: float, pitch: int
) -> Float[np.ndarray, "bands segments"]:
    """Find levels of semitones relative to a note in the long windows, in dB below the loudest.

    The bands are those of :func:`~unsynth.audio.semitones.relative_to_note`.
    """
    found = _powers(audio, sample_rate, onset, LONG)
    return _decibels(triangles(sample_rate, LONG, pitch - BELOW, BANDS) @ found.T)


def tracks(
    audio: Float32[np.ndarray, " samples"], sample_rate: int, onset: float, pitch: int
) -> tuple[Float[np.ndarray, "tracks frames"], Float[np.ndarray, "tracks frames"]]:
    """Find levels of half octaves in the short windows, and where in them the sound lies.

    Levels are in dB below the loudest, at least -80. Where: the mean frequency, weighted by power,
    from 0 at a band's lower end to 1 at its upper; 0.5 where the level is -80 dB.
    """
    found = _powers(audio, sample_rate, onset, SHORT)
    members, places = _half_octaves(sample_rate, pitch)
    totals = members @ found.T
    levels = _decibels(totals)
    where = np.divide(places @ found.T, totals, out=np.full_like(totals, 0.5), where=totals > 0)
    return levels, np.where(levels > -DYNAMIC_RANGE, where, 0.5)


def _powers(
    audio: Float32[np.ndarray, " samples"], sample_rate: int, onset: float, window: int
) -> Float[np.ndarray, "windows bins"]:
    starts = beginnings(sample_rate)[0 if window == LONG else 1] + round(onset * sample_rate)
    padded = np.pad(audio, (0, max(0, int(starts[-1]) + window - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[starts]
    return np.concatenate([power(block) for block in spectra(frames)])


def _decibels(levels: Float[np.ndarray, "bands windows"]) -> Float[np.ndarray, "bands windows"]:
    relative = levels / max(levels.max(), 1e-30)
    return np.maximum(10.0 * np.log10(np.maximum(relative, 1e-30)), -DYNAMIC_RANGE)


@lru_cache(maxsize=128)
def _half_octaves(
    sample_rate: int, pitch: int
) -> tuple[Float32[np.ndarray, "tracks bins"], Float32[np.ndarray, "tracks bins"]]:
    """Say which bins are in each half octave, and the same times their places in it."""
    hz = np.maximum(np.fft.rfftfreq(SHORT, 1.0 / sample_rate), 1e-3)
    place = (69.0 + 12.0 * np.log2(hz / 440.0) - (pitch - BELOW)) / _WIDTH + 0.5
    members = np.floor(place) == np.arange(TRACKS)[:, None]
    return members.astype(np.float32), (members * (place % 1.0)).astype(np.float32)
