"""A few windows of a sound after the onset of its note: where they lie.

Eight long windows tell semitones apart; forty-one short ones show how a note moves: attacks, beats,
tremolo, vibrato and glides. Together they cover a third of the sound, so an engine that is asked
for nothing else has to play only a third. The levels are in
:mod:`unsynth.audio.window_levels`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from unsynth.audio.semitones import BANDS

#: Samples of a long window.
LONG = 4096
#: Samples of a short window.
SHORT = 1024
#: Where the long windows start, in seconds after the onset.
_LONG_TIMES = (0.0, 0.1, 0.25, 0.45, 0.8, 1.3, 2.0, 3.0)
#: Where the short windows start, in seconds after the onset.
_SHORT_TIMES = (
    *(0.0, 0.02, 0.04, 0.06, 0.1, 0.12, 0.14, 0.16),
    *np.linspace(0.2, 3.4, 33).round(3).tolist(),
)
#: Number of long windows: segments of the spectrogram.
SEGMENTS = len(_LONG_TIMES)
#: Number of short windows: frames of the tracks.
FRAMES = len(_SHORT_TIMES)
#: Semitones of a track: a half octave. The note and its octaves lie in the middle of theirs.
WIDTH = 6
#: Number of tracks.
TRACKS = BANDS // WIDTH
#: The onset in seconds that an observation stores as 255; later ones are stored so too.
LATEST_ONSET = 1.0


class KeyOn(NamedTuple):
    """Which key is pressed, as a MIDI pitch, and when, in seconds."""

    pitch: int
    onset: float


def window_starts(sample_rate: int) -> tuple[Int[np.ndarray, " long"], Int[np.ndarray, " short"]]:
    """Compute where the long and the short windows start, in samples after the onset."""
    long, short = (np.rint(np.array(t) * sample_rate) for t in (_LONG_TIMES, _SHORT_TIMES))
    return long.astype(int), short.astype(int)
