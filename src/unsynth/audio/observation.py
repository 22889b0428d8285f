"""What a model sees of a sound, one byte a value.

``log-mel``, the paper's: the log-mel spectrogram (:data:`~unsynth.audio.mel.LOG_MEL`).

``note``: the sound as a note. Its pitch and its onset are heard first; the picture is cut out
relative to both (:mod:`unsynth.audio.semitones`), so that another key or another start is the
same picture, and stands before what was heard:

    [picture, bands x segments; pitch; 255 if a pitch was heard; onset; time to the release].

``windows``: a few windows after the onset of a note (:mod:`unsynth.audio.windows`), relative to
its key. Both are told where they are known, and heard where not; they stand at the end:

    [picture, bands x segments; tracks x frames of levels; the same of places; key; onset].

Levels in [-80, 0] dB are kept to 0.16 dB, onsets to 2 ms, releases to 8 ms, pitches exactly, places
in a half octave to 2 cents.
"""

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE, LOG_MEL, log_mel
from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import estimate_pitch
from unsynth.audio.semitones import BANDS, SEGMENTS, relative_to_note, semitone_levels
from unsynth.audio.windows import FRAMES, TRACKS, NoteWindows, cut_windows, note_spectrogram, tracks
from unsynth.conventions import SECONDS

#: Values of a picture, which come first in an observed note or its windows; levels of tracks.
SPECTROGRAM_VALUES = BANDS * SEGMENTS
TRACK_VALUES = TRACKS * FRAMES
_LATEST_ONSET = 1.0
#: The note that stands for no pitch.
_UNPITCHED = 60


class KeyOn(NamedTuple):
    """Which key is pressed, as a MIDI pitch, and when, in seconds."""

    pitch: int
    onset: float


class Observation(StrEnum):
    """What of a sound is observed."""

    LOG_MEL = "log-mel"
    NOTE = "note"
    WINDOWS = "windows"

    def shape(self, channels: int, sample_rate: int) -> tuple[int, ...]:
        """Find the shape of an observed sound of 4 s."""
        match self:
            case Observation.NOTE:
                return (SPECTROGRAM_VALUES + self.note_values,)
            case Observation.WINDOWS:
                return (SPECTROGRAM_VALUES + 2 * TRACK_VALUES + self.note_values,)
        return channels, LOG_MEL.bands, int(SECONDS * sample_rate) // LOG_MEL.hop + 1

    @property
    def note_values(self) -> int:
        """How many numbers of the note stand at the end, beside what is seen of its sound."""
        return {Observation.NOTE: 4, Observation.WINDOWS: 2}.get(self, 0)

    def settings(self) -> dict[str, Any]:
        """Say what the values depend on."""
        if self is Observation.NOTE:
            return {"kind": str(self), "bands": BANDS, "segments": SEGMENTS, "version": 1}
        if self is Observation.WINDOWS:
            return {"kind": str(self), "tracks": TRACKS, "frames": FRAMES, "version": 1}
        return {"kind": str(self)} | asdict(LOG_MEL)

    def observe(
        self,
        audio: Float32[np.ndarray, "channels samples"],
        sample_rate: int,
        key: KeyOn | None = None,
    ) -> UInt8[torch.Tensor, " *shape"]:
        """Observe a sound; windows are relative to the key, which is heard where it is not told."""
        if self is Observation.NOTE:
            return _note(audio, sample_rate)
        if self is Observation.WINDOWS:
            return _windows(audio, sample_rate, key or detect_key(audio, sample_rate))
        return levels_to_bytes(log_mel(torch.from_numpy(audio)))


def detect_key(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> KeyOn:
    """Hear which key is pressed, middle C where no pitch is heard, and when."""
    onset = first_onset(audio, sample_rate)
    heard = estimate_pitch(audio, sample_rate, onset)
    pitch = _UNPITCHED if heard is None else round(heard)
    return KeyOn(pitch, onset)


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
    heard = estimate_pitch(audio, sample_rate, onset)
    pitch = _UNPITCHED if heard is None else round(heard)
    picture = relative_to_note(semitone_levels(audio, sample_rate, onset), pitch)
    shares = np.clip([onset / _LATEST_ONSET, end / SECONDS], 0.0, 1.0)
    after = [pitch, 0 if heard is None else 255, *np.rint(255.0 * shares)]
    levels = levels_to_bytes(torch.from_numpy(picture).flatten())
    return torch.cat([levels, torch.tensor(after).to(torch.uint8)])


def _windows(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int, key: KeyOn
) -> UInt8[torch.Tensor, " values"]:
    windows = cut_windows(audio.mean(axis=0, dtype=np.float32), sample_rate, key.onset)
    return observe_windows(windows, sample_rate, [key])[0]


def observe_windows(
    windows: NoteWindows, sample_rate: int, keys: Sequence[KeyOn]
) -> UInt8[torch.Tensor, "items values"]:
    """Observe sounds of which there are but windows, on the device where they are."""
    told = torch.tensor([[pitch, min(1.0, onset / _LATEST_ONSET)] for pitch, onset in keys])
    told = told.to(windows.long)
    pitches = told[:, 0].long()
    levels, places = tracks(windows.short, sample_rate, pitches)
    decibels = torch.cat(
        [note_spectrogram(windows.long, sample_rate, pitches).flatten(1), levels.flatten(1)], 1
    )
    rest = [255.0 * places.flatten(1), told[:, :1], 255.0 * told[:, 1:]]
    return torch.cat([levels_to_bytes(decibels), torch.cat(rest, 1).round().to(torch.uint8)], 1)
