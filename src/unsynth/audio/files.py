"""Sound files in and out, through libsndfile (wav, flac, mp3, ogg, aiff, …) and soxr.

A target is as long as the engine's sounds: a shorter file is followed by silence, a longer one is
cut at its loudest onset.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr
from jaxtyping import Float, Float32, Shaped

from unsynth.audio.onset import FRAME, first_onset, frame_levels, loudest_onset
from unsynth.errors import OutputError, SoundError

#: Ends of names that mark a file in a folder as a sound; the common ones, and all.
COMMON_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc")
SOUND_SUFFIXES = (*COMMON_SUFFIXES, ".au", ".caf", ".rf64", ".w64")
#: The shortest sound that is accepted, in seconds.
SHORTEST = 0.05
#: Silence that is kept in front of an onset at which a sound is cut, in seconds.
_LEAD = 0.01
#: A sound is silent if all its samples are smaller than this (-100 dB of full scale).
_SILENCE = 1e-5
#: Samples per channel that are read at a time.
_BLOCK = 1 << 20
#: The lowest sample rate that is accepted, in Hz.
_LOWEST_RATE = 1_000
#: A length in samples from here on is unknown: libsndfile answers nearly 2^63 for a FLAC stream
#: whose header has no length, as one from a pipe.
_UNKNOWN_LENGTH = 1 << 48

Audio = Float32[np.ndarray, "channels samples"]


def read_sound(
    path: Path, sample_rate: int, channels: int, seconds: float, latest_onset: float
) -> tuple[Audio, tuple[str, ...]]:
    """Read a sound and give it an engine's sample rate, channels and length.

    The level is normalised: the largest sample is 1 before channels and rate are changed. Silence
    at the start is removed if the sound starts later than ``latest_onset`` seconds. Returns the
    audio, shape ``(channels, seconds * sample_rate)``, and a remark on each change but that of the
    level. Raises :class:`SoundError` for a file that is missing, no sound, empty, shorter than
    50 ms or silent, or that holds NaN.
    """
    remarks: list[str] = []
    with _open(path) as file:
        length, rate = file.frames / file.samplerate, file.samplerate
        _check_length(length, path)
        start = 0
        if length > seconds + 0.5 / rate:
            start, remark = _cut(_frame_levels(file, path), rate, length, seconds)
            remarks.append(remark)
        file.seek(start)
        audio = file.read(round(seconds * rate), dtype="float32", always_2d=True).T
    _check(audio, path)
    return _as_engine(audio, rate, sample_rate, channels, seconds, latest_onset, remarks)


def fit_sound(
    audio: Shaped[np.ndarray, "its_channels its_samples"],
    rate: int,
    sample_rate: int,
    channels: int,
    seconds: float,
    latest_onset: float,
) -> tuple[Audio, tuple[str, ...]]:
    """Do the same as :func:`read_sound`, and raise the same, for samples of ``rate`` Hz."""
    name = "this sound"
    if rate < _LOWEST_RATE:
        raise SoundError(f"{name}: {rate} Hz is too low; give at least {_LOWEST_RATE} Hz")
    length = audio.shape[1] / rate
    _check_length(length, name)
    audio = audio.astype(np.float32)
    _check(audio, name)
    remarks: list[str] = []
    if length > seconds + 0.5 / rate:
        start, remark = _cut(frame_levels(audio, rate), rate, length, seconds)
        remarks.append(remark)
        audio = audio[:, start : start + round(seconds * rate)]
        _check(audio, name)
    return _as_engine(audio, rate, sample_rate, channels, seconds, latest_onset, remarks)


def _check_length(length: float, name: Path | str) -> None:
    if length < SHORTEST:
        raise SoundError(
            f"{name}: {1000 * length:.0f} ms of sound; give at least {1000 * SHORTEST:.0f} ms"
        )


def _cut(
    levels: Float[np.ndarray, " frames"], rate: int, length: float, seconds: float
) -> tuple[int, str]:
    """Find the first sample to take from a sound that is too long, and make the remark."""
    start = max(0, round((loudest_onset(levels) - _LEAD) * rate))
    end = min(length, start / rate + seconds)
    return start, (
        f"the sound is {_duration(length)} long: matched {start / rate:.2f} s to "
        f"{end:.2f} s, from its loudest onset"
    )


def _as_engine(
    audio: Float32[np.ndarray, "its_channels its_samples"],
    rate: int,
    sample_rate: int,
    channels: int,
    seconds: float,
    latest_onset: float,
    remarks: list[str],
) -> tuple[Audio, tuple[str, ...]]:
    # The level is not observed, and squares of very large or small samples do not fit in float32.
    audio = audio / np.abs(audio).max()
    audio, remark = _to_channels(audio, channels)
    remarks += [remark] if remark else []
    if rate != sample_rate:
        audio = soxr.resample(audio.T, rate, sample_rate, quality="VHQ").T
        remarks.append(f"resampled from {rate} Hz to {sample_rate} Hz")
    onset = first_onset(audio, sample_rate)
    if onset > latest_onset:
        audio = audio[:, round((onset - _LEAD) * sample_rate) :]
        remarks.append(f"removed {onset - _LEAD:.2f} s of silence at the start")
    samples = round(seconds * sample_rate)
    sound = np.zeros((channels, samples), dtype=np.float32)
    kept = min(samples, audio.shape[1])
    sound[:, :kept] = audio[:, :kept]
    return sound, tuple(remarks)


def write_wav(path: Path, audio: Audio, sample_rate: int) -> None:
    """Write a 16-bit WAV file. A sound beyond full scale is scaled down to it, not clipped.

    Raises :class:`OutputError` if the file cannot be written.
    """
    peak = float(np.abs(audio).max(initial=0.0))
    try:
        soundfile.write(path, (audio / max(1.0, peak)).T, sample_rate, subtype="PCM_16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise OutputError(f"{path}: could not be written ({error}); is the disk full?") from None


@contextmanager
def _open(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a sound file; raise :class:`SoundError` for any error in opening or reading it."""
    try:
        if not path.exists():
            raise SoundError(f"{path}: there is no such file")
        if path.is_dir():
            raise SoundError(f"{path}: this is a folder; name the sound files in it")
        if path.stat().st_size == 0:
            raise SoundError(f"{path}: the file is empty")
        with soundfile.SoundFile(path) as file:
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


def _check(audio: Audio, path: Path | str) -> None:
    _check_finite(audio, path)
    if np.abs(audio).max() < _SILENCE:
        raise SoundError(f"{path}: the sound is silent; there is nothing to match")


def _to_channels(audio: Audio, channels: int) -> tuple[Float32[np.ndarray, "outputs samples"], str]:
    """Mix down or copy channels; if a mix-down would cancel out, take the loudest channel."""
    if len(audio) == channels:
        return audio, ""
    if channels > len(audio):
        return np.repeat(audio[:1], channels, axis=0), ""
    if channels > 1:
        return audio[:channels], f"matched the first {channels} of {len(audio)} channels"
    mix = audio.mean(axis=0, keepdims=True)
    powers = np.square(audio, dtype=np.float64).mean(axis=1)
    if np.square(mix, dtype=np.float64).mean() < 1e-3 * powers.max():
        loudest = int(powers.argmax())
        return (
            audio[loudest : loudest + 1],
            f"its channels cancel when mixed: matched channel {loudest + 1}",
        )
    return mix, f"mixed down from {len(audio)} channels"


def _frame_levels(file: soundfile.SoundFile, path: Path) -> np.ndarray:
    """Compute the RMS of each 10 ms of a file, in blocks: an hour of sound must fit in memory."""
    frame = round(FRAME * file.samplerate)
    levels = []
    for block in file.blocks(blocksize=_BLOCK // frame * frame, dtype="float32", always_2d=True):
        _check_finite(block, path)
        levels.append(frame_levels(block.T, file.samplerate))
    return np.concatenate(levels)


def _check_finite(block: np.ndarray, path: Path | str) -> None:
    if not np.isfinite(block).all():
        raise SoundError(f"{path}: holds samples that are NaN or infinite; export it again")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
