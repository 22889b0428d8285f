"""Spectrograms and metrics beside those of librosa.

They are in one file, so in one process: each process compiles librosa's kernels, for 14 s.
"""

import librosa
import numpy as np
import pytest

from tests.metrics.sounds import noise
from unsynth.audio.mel import log_mel, mel_basis
from unsynth.metrics.audio import mss, rms_similarity, sot, wmfcc
from unsynth.metrics.warping import warping_cost


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
        ours = log_mel(audio)
        assert ours.shape == (1, 128, 401)
        assert np.abs(ours - librosa_db(audio)).max() < 0.01


@pytest.mark.parametrize("sample_rate", [44_100, 16_000])
def test_metrics_equal_those_of_librosa(rng, sample_rate):
    target, estimate = noise(rng, 2), noise(rng, 2) * np.float32(0.01)

    def mel(audio, window, hop, bands):
        return librosa.feature.melspectrogram(
            y=audio, sr=sample_rate, n_fft=window, hop_length=hop, n_mels=bands
        )

    def size(seconds):
        return int(seconds * sample_rate)

    expected = 0.0
    for window, hop, bands in ((0.010, 0.005, 32), (0.025, 0.010, 64), (0.100, 0.050, 128)):
        first, second = (
            librosa.power_to_db(mel(a.astype(float), size(window), size(hop), bands), ref=np.max)
            for a in (target, estimate)
        )
        expected += np.abs(first - second).mean() / 3
    assert mss(target, estimate, sample_rate) == pytest.approx(expected, rel=1e-4)

    cepstra = []
    for audio in (target, estimate):
        decibels = librosa.power_to_db(mel(audio, size(0.05), size(0.01), 128))
        cepstra.append(np.concatenate(list(librosa.feature.mfcc(S=decibels, n_mfcc=20))).T)
    cost = np.abs(cepstra[0][:, None] - cepstra[1][None]).mean(axis=-1)
    expected = librosa_warping_cost(cost) / sum(cost.shape)
    assert wmfcc(target, estimate, sample_rate) == pytest.approx(expected, rel=1e-4)

    shares = []
    for audio in (target, estimate):
        spectrum = librosa.stft(audio.mean(axis=0), n_fft=size(0.05), hop_length=size(0.02))
        shares.append(np.cumsum(np.abs(spectrum) / np.abs(spectrum).sum(axis=0), axis=0))
    expected = np.abs(shares[0] - shares[1]).mean()
    assert sot(target, estimate, sample_rate) == pytest.approx(expected, rel=1e-4)

    first, second = (
        librosa.feature.rms(
            y=a.mean(axis=0), frame_length=size(0.05), hop_length=size(0.025), pad_mode="constant"
        )[0]
        for a in (target, estimate)
    )
    expected = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert rms_similarity(target, estimate, sample_rate) == pytest.approx(expected, rel=1e-5)


def librosa_warping_cost(cost: np.ndarray) -> float:
    steps, weights = np.array([[1, 1], [0, 1], [1, 0]]), np.array([2.0, 1.0, 1.0])
    return float(
        librosa.sequence.dtw(C=cost, step_sizes_sigma=steps, weights_mul=weights)[0][-1, -1]
    )


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 9), (9, 1), (2, 2), (30, 17)])
def test_warping_cost_equals_that_of_librosa(rng, first, second):
    rows = rng.normal(size=(first, 3)).astype(np.float32)
    others = rng.normal(size=(second, 3)).astype(np.float32)
    cost = np.abs(rows[:, None] - others[None]).mean(axis=-1)
    assert warping_cost(rows, others) == pytest.approx(librosa_warping_cost(cost), rel=1e-5)
