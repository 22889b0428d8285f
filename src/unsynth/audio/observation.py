"""What a model sees of a sound, one byte per value.

``log-mel`` is the paper's: the log-mel spectrogram (:data:`~unsynth.audio.mel.LOG_MEL`).

``note`` is the sound as a note. Its pitch and onset are estimated first, and its spectrogram is
taken relative to both (:mod:`unsynth.audio.semitones`), so another key or a later start gives the
same spectrogram. The estimates follow it:

    [spectrogram, bands x segments; pitch; 255 if there is a pitch; onset; time to the release].

``windows`` is a few windows after the onset of a note (:mod:`unsynth.audio.windows`), relative to
its key. Key and onset are given if they are known, and estimated if not. They come last:

    [spectrogram, bands x segments; levels, tracks x frames; places, tracks x frames; key; onset].

Levels in [-80, 0] dB are kept to 0.16 dB, onsets to 2 ms, releases to 8 ms, pitches exactly, and
places in a half octave to 2 cents.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from unsynth.audio.mel import DYNAMIC_RANGE, LOG_MEL, log_mel
from unsynth.audio.onset import first_onset, note_end
from unsynth.audio.pitch import estimate_pitch
from unsynth.audio.semitones import BANDS, SEGMENTS, relative_to_note, semitone_levels
from unsynth.audio.windows import FRAMES, LATEST_ONSET, TRACKS, KeyOn
from unsynth.conventions import SECONDS

#: Values of the spectrogram, which comes first in an observed note or its windows.
SPECTROGRAM_VALUES = BANDS * SEGMENTS
#: Values of the tracks' levels, and as many of their places.
TRACK_VALUES = TRACKS * FRAMES
#: The MIDI pitch that stands for a sound without pitch: middle C.
_UNPITCHED = 60


class Observation(StrEnum):
    """A kind of observation."""

    LOG_MEL = "log-mel"
    NOTE = "note"
    WINDOWS = "windows"

    def shape(self, channels: int, sample_rate: int) -> tuple[int, ...]:
        """Compute the shape of an observed sound of 4 s.

        >>> Observation.LOG_MEL.shape(1, 44_100), Observation.NOTE.shape(1, 44_100)
        ((1, 128, 401), (772,))
        """
        match self:
            case Observation.NOTE:
                return (SPECTROGRAM_VALUES + self.note_values,)
            case Observation.WINDOWS:
                return (SPECTROGRAM_VALUES + 2 * TRACK_VALUES + self.note_values,)
        return channels, LOG_MEL.bands, int(SECONDS * sample_rate) // LOG_MEL.hop + 1

    @property
    def note_values(self) -> int:
        """How many values at the end describe the note: its pitch, its onset and so on."""
        return {Observation.NOTE: 4, Observation.WINDOWS: 2}.get(self, 0)

    def settings(self) -> dict[str, Any]:
        """List the settings that the values depend on, as weight files and datasets hold them."""
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
    ) -> UInt8[np.ndarray, " *shape"]:
        """Observe a sound of 4 s.

        ``key`` is what windows are relative to; without one it is estimated. The other kinds
        ignore it.
        """
        if self is Observation.NOTE:
            return _observe_note(audio, sample_rate)
        if self is Observation.WINDOWS:
            # They alone need torch, which takes a second to import.
            from unsynth.audio.window_levels import cut_windows, observe_windows

            key = key or detect_key(audio, sample_rate)
            windows = cut_windows(audio.mean(axis=0, dtype=np.float32), sample_rate, key.onset)
            return observe_windows(windows, sample_rate, [key])[0].numpy()
        return levels_to_bytes(log_mel(audio))


def detect_key(audio: Float32[np.ndarray, "channels samples"], sample_rate: int) -> KeyOn:
    """Estimate which key is pressed, and when. A sound without pitch gives middle C."""
    onset = first_onset(audio, sample_rate)
    estimate = estimate_pitch(audio, sample_rate, onset)
    return KeyOn(_UNPITCHED if estimate is None else round(estimate), onset)


def levels_to_bytes(decibels: Float[np.ndarray, " *shape"]) -> UInt8[np.ndarray, " *shape"]:
    """Store levels in [-80, 0] dB as bytes.

    >>> levels_to_bytes(np.array([-80.0, -40.0, 0.0])).tolist()
    [0, 128, 255]
    """
    return np.rint(255.0 * (1.0 + decibels / DYNAMIC_RANGE)).astype(np.uint8)


def _observe_note(
    audio: Float32[np.ndarray, "channels samples"], sample_rate: int
) -> UInt8[np.ndarray, " values"]:
    onset = first_onset(audio, sample_rate)
    end = note_end(audio, sample_rate, onset)
    estimate = estimate_pitch(audio, sample_rate, onset)
    pitch = _UNPITCHED if estimate is None else round(estimate)
    spectrogram = relative_to_note(semitone_levels(audio, sample_rate, onset), pitch)
    times = np.clip([onset / LATEST_ONSET, end / SECONDS], 0.0, 1.0)
    note = [pitch, 0 if estimate is None else 255, *np.rint(255.0 * times)]
    return np.concatenate([levels_to_bytes(spectrogram.ravel()), np.array(note, dtype=np.uint8)])
