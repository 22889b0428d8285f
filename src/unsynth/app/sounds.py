"""A sound that was brought to the page: its length, its waveform, and the stretch to match."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from unsynth.app.waveform import Waveform
from unsynth.audio.files import (
    LEAD,
    SHORTEST,
    SILENCE,
    check_length,
    fit_sound,
    open_sound,
    read_blocks,
    read_sound,
    write_wav,
)
from unsynth.audio.levels import frame_samples, measure_frames
from unsynth.audio.onset import first_onset, loudest_onset
from unsynth.audio.pitch import estimate_pitch
from unsynth.audio.sampler_data import declared_note
from unsynth.conventions import SECONDS
from unsynth.errors import SoundError
from unsynth.matching.note import HIGHEST, LOWEST, likely_pitches

#: Columns of a waveform.
_COLUMNS = 800
#: Sample rate for hearing the pitch of a sound before a synthesizer is chosen, in Hz.
_RATE = 44_100


def read_waveform(path: Path) -> Waveform:
    """Read the outline of a sound; raises :class:`SoundError` for what cannot be matched."""
    with open_sound(path) as file:
        rate, seconds = file.samplerate, file.frames / file.samplerate
        check_length(seconds, path.name)
        size, peaks = frame_samples(rate), []

        def blocks() -> Iterator[Float32[np.ndarray, "channels _"]]:
            for block in read_blocks(file):
                if not np.isfinite(block).all():
                    raise SoundError(
                        f"{path.name}: holds samples that are NaN or infinite; export it again"
                    )
                whole = np.abs(block[:, : block.shape[1] // size * size]).max(axis=0)
                peaks.append(whole.reshape(-1, size).max(axis=1))
                yield block

        frames = measure_frames(blocks(), rate)
    outline = np.concatenate(peaks)
    if not outline.size:
        raise SoundError(f"{path.name}: the file ends before its samples; save it again")
    if outline.max() < SILENCE:
        raise SoundError(f"{path.name}: the sound is silent; there is nothing to match")
    columns = np.array_split(outline, min(_COLUMNS, len(outline)))
    shares = [round(float(column.max() / outline.max()), 3) for column in columns]
    start = 0.0
    if seconds > SECONDS:
        onset = loudest_onset(frames.levels(frames.offset())) * frames.seconds
        start = min(max(0.0, onset - LEAD), seconds - SHORTEST)
    return Waveform(seconds, tuple(shares), start)


def hear(path: Path, start: float | None) -> dict[str, Any]:
    """Estimate the pitch of a sound, from ``start`` seconds on or where unsynth would begin.

    Returns the MIDI note or ``None``, and remarks on what is changed before the match. The note may
    lie outside of a synthesizer's keys: the match takes its nearest octave then.
    """
    if start is None:
        audio, remarks = read_sound(path, _RATE, 1, SECONDS, 1.0, clean=True)
    else:
        samples, rate = read_stretch(path, start)
        audio, remarks = fit_sound(samples, rate, _RATE, 1, SECONDS, 1.0, clean=True)
    heard = estimate_pitch(audio, _RATE, first_onset(audio, _RATE), LOWEST, HIGHEST)
    pitches, remark = likely_pitches(heard, declared_note(path))
    note = pitches[0] if len(pitches) == 1 else None
    return {"note": note, "remarks": [*remarks, remark] if remark else remarks}


def write_stretch(path: Path, start: float, wav: Path) -> None:
    """Write the stretch of a sound from ``start`` seconds on as a WAV file."""
    audio, rate = read_stretch(path, start)
    write_wav(wav, audio, rate)


def read_stretch(path: Path, start: float) -> tuple[Float32[np.ndarray, "channels samples"], int]:
    """Read the part of a sound that is matched from ``start`` seconds on, and its sample rate.

    Raises :class:`SoundError` if the sound is shorter than that.
    """
    with open_sound(path) as file:
        first = round(start * file.samplerate)
        if first >= file.frames:
            raise SoundError(f"{path.name}: ends before {start:g} s; choose an earlier start")
        file.seek(first)
        audio = file.read(round(SECONDS * file.samplerate), dtype="float32", always_2d=True)
        return audio.T, file.samplerate
