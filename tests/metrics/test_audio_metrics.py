"""The audio metrics, against golden numbers and their properties."""

import json
from concurrent.futures import ThreadPoolExecutor

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.sounds import noise
from unsynth.errors import MetricError
from unsynth.metrics import audio as module
from unsynth.metrics.audio import (
    MultiScaleSpectral,
    TargetMetrics,
    audio_metrics,
    lsd,
    mss,
    rms_similarity,
    sot,
    wmfcc,
)

METRICS = [mss, wmfcc, sot, rms_similarity, lsd]
every_metric = pytest.mark.parametrize("metric", METRICS)

#: Short sounds of one or two channels, silence and single samples among them.
sounds = st.integers(1, 2).flatmap(
    lambda channels: arrays.arrays(
        np.float32,
        st.tuples(st.just(channels), st.integers(1, 2000)),
        elements=st.floats(-1, 1, width=32),
        fill=st.sampled_from([0.0, 0.5]).map(np.float32),
    )
)


def test_metrics_equal_the_golden_numbers(shared_data):
    golden = json.loads((shared_data.parent / "facts" / "golden_audio_metrics.json").read_text())
    for pair in golden["pairs"]:
        target, estimate = (
            soundfile.read(shared_data / pair[side], dtype="float32", always_2d=True)[0].T
            for side in ("target", "pred")
        )
        metrics = audio_metrics(target, estimate)
        # The golden numbers have six decimals.
        assert metrics.mss == pytest.approx(pair["mss"], rel=1e-6, abs=1e-6)
        assert metrics.wmfcc == pytest.approx(pair["wmfcc"], rel=1e-6, abs=1e-6)
        assert metrics.sot == pytest.approx(pair["sot"], rel=1e-6, abs=1e-6)
        assert metrics.rms == pytest.approx(pair["rms"], rel=1e-6, abs=1e-6)


def test_a_target_is_analysed_once(rng, monkeypatch):
    target, shapes = noise(rng), [(1, 30_000), (1, 20_000), (2, 30_000), (1, 40_000), (1, 30_000)]
    estimates = [noise(rng, *shape) for shape in shapes]
    expected = [audio_metrics(target, estimate) for estimate in estimates]
    analysed = []
    analyse = module._Features.of
    monkeypatch.setattr(
        module._Features, "of", lambda audio, rate: analysed.append(audio) or analyse(audio, rate)
    )
    measure = TargetMetrics(target)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(measure, estimates)) == expected
    # The wider and the longer estimate are compared with a target of their own shape.
    assert len(analysed) == 1 + len(estimates) + 2


@settings(max_examples=40, deadline=None)
@given(sounds)
def test_a_sound_has_no_distance_from_itself(sound):
    for metric in (mss, wmfcc, sot, lsd):
        assert metric(sound, sound) == 0
    assert rms_similarity(sound, sound) == pytest.approx(1, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(sounds, sounds)
def test_metrics_are_symmetric_and_in_range(first, second):
    for metric in METRICS:
        forward, backward = metric(first, second), metric(second, first)
        assert forward == pytest.approx(backward, rel=1e-5, abs=1e-9)
        assert forward >= 0
    assert mss(first, second) <= 80
    assert sot(first, second) <= 1 + 1e-5
    assert rms_similarity(first, second) <= 1


def test_different_sounds_have_a_distance(rng):
    first, second = noise(rng), noise(rng)
    for metric in (mss, wmfcc, lsd):
        assert metric(first, second) > 1
    assert sot(first, second) > 0.001
    assert rms_similarity(first, second[:, ::-1]) < 0.99


def test_level_counts_only_in_wmfcc_and_lsd(rng):
    first = noise(rng)
    second = first * np.float32(0.1)
    assert mss(first, second) < 1e-3
    assert sot(first, second) < 1e-6
    assert rms_similarity(first, second) == pytest.approx(1)
    # 20 dB in every band: the first of 20 cepstra moves by 20 sqrt(128), the others do not.
    assert wmfcc(first, second) == pytest.approx(20 * 128**0.5 / 20, rel=0.02)
    loud = np.fft.irfft(np.full(501, 100.0)).astype(np.float32)[None]  # 0.1, or -20 dB, in each bin
    assert lsd(loud, loud * np.float32(0.1)) == pytest.approx(20, rel=1e-4)


def test_transport_is_the_distance_along_the_frequency_axis():
    seconds = np.arange(44_100) / 44_100
    low, high = (np.sin(2 * np.pi * hz * seconds).astype(np.float32)[None] for hz in (2000, 7000))
    middle = sot(low, high)
    assert middle == pytest.approx(5000 / 22_050, rel=0.05)


def test_warping_ignores_a_shift_in_time(rng):
    burst = noise(rng, samples=8_000)
    early, late = np.zeros((2, 1, 44_100), dtype=np.float32)
    late_by = 45 * 441  # a whole number of frames
    early[:, 9_000:17_000], late[:, 9_000 + late_by : 17_000 + late_by] = burst, burst
    assert wmfcc(early, late) < 0.01 < 10 < mss(early, late)


def test_silence_has_defined_distances(rng):
    sound = noise(rng, 2)
    silence = np.zeros_like(sound)
    for metric in (mss, wmfcc, sot, lsd):
        assert metric(silence, silence) == 0
    assert rms_similarity(silence, silence) == 1
    assert 60 < mss(sound, silence) < 80
    assert 50 < wmfcc(sound, silence) < 100
    assert 0.3 < sot(sound, silence) < 1
    assert rms_similarity(sound, silence) == 0
    assert lsd(sound, silence) > 10


def test_samples_whose_squares_underflow_have_finite_metrics(rng):
    for metric in METRICS:
        assert np.isfinite(metric(noise(rng) * np.float32(1e-30), noise(rng)))


@every_metric
def test_shorter_sound_is_extended_with_silence(rng, metric):
    first, second = noise(rng, 2), noise(rng, 2)
    rest = np.zeros((2, 10_000), dtype=np.float32)
    longer = np.concatenate([second, rest], axis=1)
    assert metric(noise(rng, 2, 40_000), second) != metric(first, second)
    assert metric(longer, first) == metric(longer, np.concatenate([first, rest], axis=1))


@every_metric
def test_mono_stands_for_every_channel(rng, metric):
    mono, stereo = noise(rng), noise(rng, 2)
    both = np.concatenate([mono, mono])
    assert metric(mono, stereo) == metric(both, stereo)
    assert metric(stereo, mono) == metric(stereo, both)
    assert metric(both, both * np.float32(0.5)) == pytest.approx(
        metric(mono, mono * np.float32(0.5)), rel=1e-5
    )


@every_metric
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_cannot_be_squared_are_refused(rng, metric, value):
    good, bad = noise(rng), noise(rng)
    bad[0, 123] = value
    with pytest.raises(
        MetricError, match=rf"the estimate holds {value:g} at sample 123".replace("+", r"\+")
    ):
        metric(good, bad)
    with pytest.raises(MetricError, match="the target holds"):
        metric(bad, good)


@every_metric
def test_incomparable_sounds_are_refused(rng, metric):
    with pytest.raises(MetricError, match="channels"):
        metric(noise(rng, 2), noise(rng, 3))
    with pytest.raises(MetricError, match="empty"):
        metric(noise(rng), np.zeros((1, 0), dtype=np.float32))
    with pytest.raises(MetricError, match="100 Hz"):
        metric(noise(rng), noise(rng), 100)


def test_metrics_of_many_equal_those_of_each(rng):
    first, second = noise(rng, 2), noise(rng)
    assert audio_metrics(first, second, 22_050) == tuple(
        metric(first, second, 22_050) for metric in (mss, wmfcc, sot, rms_similarity)
    )
    sounds = np.stack([noise(rng, 2) for _ in range(5)])
    distances = MultiScaleSpectral(sounds[0])(sounds)
    assert distances.tolist() == [mss(sounds[0], sound) for sound in sounds]


def test_every_audio_metric_has_its_row_in_the_table_of_metrics():
    assert tuple(metric.name for metric in module.METRICS) == module.AudioMetrics._fields
