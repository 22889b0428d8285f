"""What a model sees of a sound, one byte a value.

``log-mel``, the paper's: the log-mel spectrogram (:data:`~unsynth.audio.mel.LOG_MEL`).

``note``: the sound as a note. Its pitch and its onset are heard first; the picture is cut out
relative to both (:mod:`unsynth.audio.semitones`), so that another key or another start is the
same picture, and stands before what was heard:

    [picture, bands x segments; pitch; 255 if a pitch was heard; onset; time to the release].

Levels in [-80, 0] dB are kept to 0.16 dB, onsets to 2 ms, releases to 8 ms, pitches exactly.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE, LOG_MEL, log_mel
from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import pitch as hear_pitch
from unsynth.audio.semitones import BANDS, SEGMENTS, relative_to_note, semitone_levels
from unsynth.conventions import SECONDS

#: Values of a picture, which come first in an observed note, and of what follows it.
PICTURE = BANDS * SEGMENTS
HEARD = 4
_LATEST_ONSET = 1.0
#: The note that stands for no pitch.
_UNPITCHED = 60


class Observation(StrEnum):
    """What of a sound is observed."""

    LOG_MEL = "log-mel"
    NOTE = "note"

    def shape(self, channels: int, sample_rate: int) -> tuple[int, ...]:
        """Find the shape of an observed sound of 4 s."""
        if self is Observation.NOTE:
            return (PICTURE + HEARD,)
        return channels, LOG_MEL.bands, int(SECONDS * sample_rate) // LOG_MEL.hop + 1

    def settings(self) -> dict[str, Any]:
        """Say what the values depend on."""
        if self is Observation.NOTE:
            return {"kind": str(self), "bands": BANDS, "segments": SEGMENTS, "version": 1}
        return {"kind": str(self)} | asdict(LOG_MEL)

    def of(
        self, audio: Float32[np.ndarray, "channels samples"], sample_rate: int
    ) -> UInt8[torch.Tensor, " *shape"]:
        """Observe a sound."""
        if self is Observation.NOTE:
            return _note(audio, sample_rate)
        return levels_to_bytes(log_mel(torch.from_numpy(audio)))


def levels_to_bytes(
    decibels: Float[torch.Tensor, " *shape"],
) -> UInt8[torch.Tensor, " *shape"]:
    """Store levels in [-80, 0] dB."""
    return (255.0 * (1.0 + decibels / DYNAMIC_RANGE)).round().to(torch.uint8)


def _note(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> UInt8[torch.Tensor, " values"]:
    onset = first_onset(audio, sample_rate)
    end = note_end(audio, sample_rate, onset)
    heard = hear_pitch(audio, sample_rate, onset)
    pitch = _UNPITCHED if heard is None else round(heard)
    picture = relative_to_note(semitone_levels(audio, sample_rate, onset), pitch)
    shares = np.clip([onset / _LATEST_ONSET, end / SECONDS], 0.0, 1.0)
    after = [pitch, 0 if heard is None else 255, *np.rint(255.0 * shares)]
    levels = levels_to_bytes(torch.from_numpy(picture).flatten())
    return torch.cat([levels, torch.tensor(after).to(torch.uint8)])
