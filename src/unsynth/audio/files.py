"""Sound files in and out, through libsndfile (wav, flac, mp3, ogg, aiff, …) and soxr.

A target is as long as the engine's sounds: a shorter file is followed by silence, a longer one is
cut at its loudest onset.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float32, Shaped

from unsynth.audio.channels import to_channels
from unsynth.audio.levels import frame_samples, measure_frames
from unsynth.audio.noise import remove_noise
from unsynth.audio.onset import first_onset, frame_levels, loudest_onset, noise_before_note
from unsynth.audio.sampler_data import read_sampler_data
from unsynth.audio.unfinished_wav import open_unfinished
from unsynth.errors import OutputError, SoundError

#: Ends of names that mark a file in a folder as a sound; the common ones, and all.
COMMON_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc")
SOUND_SUFFIXES = (*COMMON_SUFFIXES, ".au", ".caf", ".rf64", ".w64")
#: The shortest sound that is accepted, in seconds.
SHORTEST = 0.05
#: Silence that is kept in front of an onset at which a sound is cut, in seconds.
LEAD = 0.01
#: A sound is silent if all its samples are smaller than this (-100 dB of full scale).
SILENCE = 1e-5
#: Noise that is kept in front of it, in seconds: long enough for the noise to be recognised again.
_NOISE_LEAD = 0.07
#: Sound before an onset at which a sound is cut, in which noise is looked for, in seconds.
_NOISE_BEFORE = 0.5
#: A constant offset is taken out if it is more than this share of the largest sample (-50 dB).
_OFFSET = 0.003
#: Samples per channel that are read at a time.
_BLOCK = 1 << 20
#: The lowest sample rate that is accepted, in Hz.
_LOWEST_RATE = 1_000
#: A length in samples from here on is unknown: libsndfile answers nearly 2^63 for a FLAC stream
#: whose header has no length, as one from a pipe.
_UNKNOWN_LENGTH = 1 << 48

Audio = Float32[np.ndarray, "channels samples"]


def read_sound(
    path: Path,
    sample_rate: int,
    channels: int,
    seconds: float,
    latest_onset: float,
    clean: bool = False,
) -> tuple[Audio, tuple[str, ...]]:
    """Read a sound and give it an engine's sample rate, channels and length.

    A constant offset (DC) is taken out if it is more than 0.3 % of the largest sample. The level is
    normalised: the largest sample is 1 before channels and rate are changed. What comes before the
    onset is removed if the onset is later than ``latest_onset`` seconds. A short sound with a loop
    for samplers is continued by it. If it is to be ``clean``, steady noise is taken out
    (:mod:`unsynth.audio.noise`). Returns the audio, shape
    ``(channels, seconds * sample_rate)``, and a remark on each change but that of the level.
    Raises :class:`SoundError` for a file that is missing, no sound, empty, shorter than 50 ms or
    silent, or that holds NaN.
    """
    with open_sound(path) as file:
        rate, samples, ogg = file.samplerate, file.frames, file.format == "OGG"
        longest = round(seconds * rate)
        remarks: tuple[str, ...] = ()
        if samples <= longest:
            audio = file.read(dtype="float32", always_2d=True).T
            audio, remarks = _looped(audio, read_sampler_data(path).loop, longest, rate)
            sound = _in_memory(path, rate, audio, ogg)
        else:
            sound = _Sound(
                path, rate, samples, partial(read_blocks, file), partial(_part, file), ogg
            )
        fitted, more = _fit(sound, sample_rate, channels, seconds, latest_onset, clean)
        return fitted, (*remarks, *more)


def fit_sound(
    audio: Shaped[np.ndarray, "its_channels its_samples"],
    rate: int,
    sample_rate: int,
    channels: int,
    seconds: float,
    latest_onset: float,
    clean: bool = False,
) -> tuple[Audio, tuple[str, ...]]:
    """Do the same as :func:`read_sound`, and raise the same, for samples of ``rate`` Hz."""
    name = "this sound"
    if rate < _LOWEST_RATE:
        raise SoundError(f"{name}: {rate} Hz is too low; give at least {_LOWEST_RATE} Hz")
    sound = _in_memory(name, rate, audio.astype(np.float32))
    return _fit(sound, sample_rate, channels, seconds, latest_onset, clean)


@dataclass(frozen=True)
class _Sound:
    """A sound that is read in blocks and in parts, since an hour of it must fit in memory."""

    name: Path | str
    rate: int
    samples: int
    blocks: Callable[[], Iterable[Audio]]
    part: Callable[[int, int], Audio]
    ogg: bool


def _in_memory(name: Path | str, rate: int, audio: Audio, ogg: bool = False) -> _Sound:
    def part(start: int, samples: int) -> Audio:
        return audio[:, start : start + samples]

    return _Sound(name, rate, audio.shape[1], lambda: [audio], part, ogg)


def _looped(
    audio: Audio, loop: tuple[int, int] | None, longest: int, rate: int
) -> tuple[Float32[np.ndarray, "channels _"], tuple[str, ...]]:
    """Continue a sound by its loop, the first and the last sample of it, as a sampler does."""
    if loop is None or loop[1] >= audio.shape[1] or loop[1] + 1 >= longest:
        return audio, ()
    first, end = loop[0], loop[1] + 1
    cycle = audio[:, first:end]
    cycles = np.tile(cycle, -(-(longest - end) // cycle.shape[1]))
    sound = np.concatenate([audio[:, :end], cycles], axis=1)[:, :longest]
    return sound, (
        f"continued by its loop from {first / rate:.2f} s to {end / rate:.2f} s, as in a sampler",
    )


def read_blocks(file: soundfile.SoundFile) -> Iterator[Audio]:
    """Read a file in blocks of whole frames, to where its samples end.

    That may be before the end that its header names. (``SoundFile.blocks`` then goes on with what
    happens to be in memory.)
    """
    size = _BLOCK // frame_samples(file.samplerate) * frame_samples(file.samplerate)
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        yield block.T


def _part(file: soundfile.SoundFile, start: int, samples: int) -> Audio:
    file.seek(start)
    return file.read(samples, dtype="float32", always_2d=True).T


def _fit(
    sound: _Sound,
    sample_rate: int,
    channels: int,
    seconds: float,
    latest_onset: float,
    clean: bool,
) -> tuple[Audio, tuple[str, ...]]:
    rate, remarks = sound.rate, []
    check_length(sound.samples / rate, sound.name)
    frames = measure_frames(_finite(sound), rate)
    if not frames.means.size:
        raise SoundError(f"{sound.name}: the file ends before its samples; save it again")
    offset = frames.offset()
    start, longest = 0, round(seconds * rate)
    samples = min(sound.samples, (frames.means.shape[1] + 1) * frame_samples(rate))
    if samples < sound.samples:
        remarks.append(
            f"the file ends after {_duration(samples / rate)}, though it says that it is "
            f"{_duration(sound.samples / rate)} long"
        )
    if samples > longest:
        onset = loudest_onset(frames.levels(offset)) * frames.seconds
        start = max(0, round((onset - LEAD) * rate))
        end = min(samples, start + longest) / rate
        remarks.append(
            f"the sound is {_duration(samples / rate)} long: matched {start / rate:.2f} s to "
            f"{end:.2f} s, from its loudest onset"
        )
    # Noise before the onset shows what is noise after it.
    before = min(start, round(_NOISE_BEFORE * rate)) if clean else 0
    audio = sound.part(start - before, before + longest)
    peak = np.abs(audio[:, before:]).max(initial=0.0)
    largest = np.abs(offset).max()
    if largest > _OFFSET * peak:
        share = 100.0 * largest / peak
        remarks.append(f"took out a constant offset (DC) of {share:.1f} % of the largest sample")
        audio = audio - offset[:, None].astype(np.float32)
        peak = np.abs(audio[:, before:]).max(initial=0.0)
    if peak < SILENCE:
        raise SoundError(f"{sound.name}: the sound is silent; there is nothing to match")
    # The level is not observed, and squares of very large or small samples do not fit in float32.
    audio, remark = to_channels(audio / peak, channels, sound.ogg)
    remarks += [remark] if remark else []
    if rate != sample_rate:
        audio = soxr.resample(audio.T, rate, sample_rate, quality="VHQ").T
        remarks.append(f"resampled from {rate} Hz to {sample_rate} Hz")
    if clean:
        audio, level = remove_noise(audio, sample_rate)
        if level is not None:
            remarks.append(f"took out steady noise, {-level:.0f} dB below the loudest part")
        audio = audio[:, round(before * sample_rate / rate) :]
    onset = first_onset(audio, sample_rate)
    if onset > latest_onset:
        _, noise = noise_before_note(frame_levels(audio, sample_rate))
        lead, kind = (_NOISE_LEAD, "noise") if noise > 0.0 else (LEAD, "silence")
        audio = audio[:, round((onset - lead) * sample_rate) :]
        remarks.append(f"removed {onset - lead:.2f} s of {kind} at the start")
    fitted = np.zeros((channels, round(seconds * sample_rate)), dtype=np.float32)
    kept = min(fitted.shape[1], audio.shape[1])
    fitted[:, :kept] = audio[:, :kept]
    return fitted, tuple(remarks)


def check_length(length: float, name: Path | str) -> None:
    """Raise :class:`SoundError` for a length in seconds that is too short to match."""
    if length < SHORTEST:
        raise SoundError(
            f"{name}: {1000 * length:.0f} ms of sound; give at least {1000 * SHORTEST:.0f} ms"
        )


def _finite(sound: _Sound) -> Iterator[Audio]:
    for block in sound.blocks():
        if not np.isfinite(block).all():
            raise SoundError(
                f"{sound.name}: holds samples that are NaN or infinite; export it again"
            )
        yield block


def write_wav(path: Path, audio: Audio, sample_rate: int) -> None:
    """Write a 16-bit WAV file. A sound beyond full scale is scaled down to it, not clipped.

    Raises :class:`OutputError` if the file cannot be written.
    """
    peak = float(np.abs(audio).max(initial=0.0))
    try:
        soundfile.write(_as_name(path), (audio / max(1.0, peak)).T, sample_rate, subtype="PCM_16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise OutputError(f"{path}: could not be written ({error}); is the disk full?") from None


@contextmanager
def open_sound(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file; raise :class:`SoundError` for any error in opening or reading it."""
    try:
        if not path.exists():
            raise SoundError(f"{path}: there is no such file")
        if path.is_dir():
            raise SoundError(f"{path}: this is a folder; name the sound files in it")
        if path.stat().st_size == 0:
            raise SoundError(f"{path}: the file is empty")
        with _open_any(path) as file:
            if file.frames <= 0:
                raise SoundError(f"{path}: the file holds no samples")
            if file.frames >= _UNKNOWN_LENGTH:
                raise SoundError(f"{path}: the file does not say how long it is; save it again")
            if file.samplerate < _LOWEST_RATE:
                raise SoundError(
                    f"{path}: {file.samplerate} Hz is too low; give at least {_LOWEST_RATE} Hz"
                )
            yield file
    except (soundfile.LibsndfileError, OSError) as error:
        raise SoundError(
            f"{path}: not a sound file that can be read (wav, flac, mp3, ogg, aiff): "
            f"{str(error).rstrip('.').split(': ')[-1]}"
        ) from None


def _open_any(path: Path) -> soundfile.SoundFile:
    file = soundfile.SoundFile(_as_name(path))
    if file.frames == 0 and (unfinished := open_unfinished(path)) is not None:
        file.close()
        return soundfile.SoundFile(unfinished)
    return file


def _as_name(path: Path) -> str | bytes:
    """Give a path to soundfile, which encodes no name that is not UTF-8."""
    return str(path) if sys.platform == "win32" else os.fsencode(path)


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
