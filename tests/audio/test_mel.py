import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.audio.mel import LOG_MEL, MelSettings, log_mel, mel_basis, mel_power
from unsynth.synths.base import Note


def librosa_db(audio: np.ndarray) -> np.ndarray:
    power = librosa.feature.melspectrogram(
        y=audio, sr=44_100, n_fft=1102, hop_length=441, window="hamming", n_mels=128
    )
    return librosa.power_to_db(power, ref=np.max, top_db=80.0, amin=1e-20)


@pytest.mark.parametrize(("rate", "window", "bands"), [(44_100, 1102, 128), (16_000, 400, 40)])
def test_the_basis_is_that_of_librosa(rate, window, bands):
    expected = librosa.filters.mel(sr=rate, n_fft=window, n_mels=bands)
    np.testing.assert_allclose(mel_basis(rate, window, bands), expected, atol=1e-7)


def test_within_a_hundredth_of_a_db_of_librosa(task, rng):
    synth = task.synth()
    for _ in range(6):
        patch = task.sample(rng)
        audio = synth.render(task.engine_patch(patch), task.note(patch))
        if not audio.any():
            continue
        ours = log_mel(torch.from_numpy(audio)).numpy()
        assert ours.shape == (1, 128, 401)
        assert np.abs(ours - librosa_db(audio)).max() < 0.01


def test_batch_and_single_agree(rng):
    audio = torch.from_numpy(rng.normal(size=(3, 2, 30_000)).astype(np.float32))
    batched = log_mel(audio)
    for i in range(3):
        torch.testing.assert_close(batched[i], log_mel(audio[i]), atol=1e-4, rtol=0)


def test_level_is_not_observed_and_peak_is_over_channels(task):
    voice = task.engine_patch(task.sample(np.random.default_rng(3)))
    audio = torch.from_numpy(task.synth().render(voice, Note(60)))
    torch.testing.assert_close(log_mel(audio), log_mel(0.01 * audio), atol=3e-3, rtol=0)
    pair = torch.cat([audio, 0.1 * audio])
    levels = log_mel(pair)
    assert levels[0].max() == 0
    assert levels[1].max() == pytest.approx(-20, abs=1e-3)


def test_silence_is_the_floor():
    assert (log_mel(torch.zeros(1, 4410)) == -80).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60_000), st.integers(0, 2**31))
def test_any_length_gives_its_frames_within_range(samples, seed):
    audio = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, samples)).astype("f4"))
    levels = log_mel(audio, MelSettings(64, 1102, LOG_MEL.hop))
    assert levels.shape[-1] == samples // LOG_MEL.hop + 1
    assert levels.max() <= 1e-5 and levels.min() >= -80.0001


@pytest.mark.parametrize("window", [1102, 551, 38, 1103])
@pytest.mark.parametrize("samples", [1, 700, 30_000])
def test_single_precision_on_a_cpu_agrees_with_double(window, samples):
    settings = MelSettings(bands=16, window=window, hop=111, shape="hamming")
    audio = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    single = mel_power(audio, settings)
    expected = mel_power(audio.double(), settings)
    torch.testing.assert_close(single.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("first, last", [(0, 0), (15_000, 15_000), (29_999, 29_999), (551, 29_000)])
def test_silence_around_a_sound_changes_nothing(first, last):
    audio = torch.zeros(1, 30_000)
    audio[:, first : last + 1] = torch.randn(1, last + 1 - first)
    torch.testing.assert_close(
        mel_power(audio).double(), mel_power(audio.double()), rtol=1e-4, atol=1e-4
    )
