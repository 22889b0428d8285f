import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.audio.mel import LOG_MEL, MelSettings, log_mel, mel_basis, mel_power
from unsynth.synths.base import Note


def test_level_is_not_observed_and_peak_is_over_channels(task):
    voice = task.engine_patch(task.sample(np.random.default_rng(3)))
    audio = task.synth().render(voice, Note(60))
    np.testing.assert_allclose(log_mel(audio), log_mel(0.01 * audio), atol=3e-3)
    levels = log_mel(np.concatenate([audio, 0.1 * audio]))
    assert levels[0].max() == 0
    assert levels[1].max() == pytest.approx(-20, abs=1e-3)


def test_silence_is_the_floor():
    assert (log_mel(np.zeros((1, 4410), dtype=np.float32)) == -80).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60_000), st.integers(0, 2**31))
def test_any_length_gives_its_frames_within_range(samples, seed):
    audio = np.random.default_rng(seed).normal(size=(1, samples)).astype("f4")
    levels = log_mel(audio, MelSettings(64, 1102, LOG_MEL.hop))
    assert levels.shape[-1] == samples // LOG_MEL.hop + 1
    assert levels.max() <= 1e-5 and levels.min() >= -80.0001


def reference_power(audio: np.ndarray, settings: MelSettings) -> np.ndarray:
    """Compute the power in each mel band in double precision, one frame after the other."""
    half, length = settings.window // 2, settings.window
    padded = np.pad(audio.astype(np.float64), ((0, 0), (half, half)))
    window = {"hann": np.hanning, "hamming": np.hamming}[settings.shape](length + 1)[:-1]
    starts = range(0, padded.shape[1] - length + 1, settings.hop)
    spectra = [np.fft.rfft(padded[:, start : start + length] * window) for start in starts]
    basis = mel_basis(settings.sample_rate, length, settings.bands)
    return basis @ np.abs(np.stack(spectra, axis=2)) ** 2


@pytest.mark.parametrize("window", [1102, 551, 38, 1103])
@pytest.mark.parametrize("samples", [1, 700, 30_000])
def test_the_power_in_each_band_is_that_of_double_precision(window, samples, rng):
    settings = MelSettings(bands=16, window=window, hop=111, shape="hamming")
    audio = rng.normal(size=(2, samples)).astype(np.float32)
    expected = reference_power(audio, settings)
    np.testing.assert_allclose(mel_power(audio, settings), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("first, last", [(0, 0), (15_000, 15_000), (29_999, 29_999), (551, 29_000)])
def test_silence_around_a_sound_changes_nothing(first, last, rng):
    audio = np.zeros((1, 30_000), dtype=np.float32)
    audio[:, first : last + 1] = rng.normal(size=(1, last + 1 - first))
    expected = reference_power(audio, LOG_MEL)
    np.testing.assert_allclose(mel_power(audio), expected, rtol=1e-4, atol=1e-4)
