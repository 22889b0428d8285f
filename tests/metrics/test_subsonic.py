"""The cost of energy below 20 Hz, against whole spectra and on sounds of known content."""

import numpy as np
import pytest

from unsynth.metrics.fast import FastSpectral
from unsynth.metrics.subsonic import Subsonic, subsonic_level


def tones(*hz_and_amplitude: tuple[float, float], rate: int = 44_100, decay: float = 0.0):
    """Sum sines of 4 s; 0 Hz is DC."""
    t = np.arange(4 * rate) / rate
    waves = [
        a * (np.sin(2 * np.pi * hz * t) if hz else np.ones_like(t)) for hz, a in hz_and_amplitude
    ]
    return (np.sum(waves, axis=0) * np.exp(-decay * t)).astype(np.float32)[None]


def level_by_whole_spectrum(audio: np.ndarray, rate: int) -> float:
    power = np.abs(np.fft.rfft(audio.astype(np.float64))) ** 2
    power[:, 1:] *= 2.0
    below = np.fft.rfftfreq(audio.shape[1], 1.0 / rate) < 20.0
    return 10.0 * np.log10(power[:, below].sum() / power[:, ~below].sum())


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_level_is_that_of_the_whole_spectrum(rate):
    mixes = [
        tones((2, 3), (110, 1), rate=rate),
        tones((0, 0.1), (440, 1), rate=rate),
        tones((5, 0.2), (30.87, 1), (350, 2), (705, 1), rate=rate, decay=2.0),
        np.vstack([tones((10, 1), rate=rate), tones((1_000, 1), rate=rate)]),
    ]
    for audio in mixes:
        expected = level_by_whole_spectrum(audio, rate)
        assert subsonic_level(audio, rate) == pytest.approx(expected, abs=0.2)


def test_nothing_from_40_hz_on_folds_below_20_hz():
    shape = np.hanning(4 * 44_100).astype(np.float32)
    for hz in (40, 330.4, 350, 369, 690, 705, 1_050, 3_500, 15_750):
        assert subsonic_level(shape * tones((hz, 1)), 44_100) < -55.0


def test_levels_of_silence_and_of_dc_are_the_ends_of_the_range():
    assert subsonic_level(np.zeros((2, 44_100), dtype=np.float32), 44_100) == -60.0
    assert subsonic_level(tones((0, 1)), 44_100) > 20.0


def test_a_loud_2_hz_costs_more_than_distances_see():
    target = tones((110, 1))
    estimate = tones((110, 1), (2, 3))  # 9.5 dB louder than the tone
    assert FastSpectral(target)(estimate[None])[0] < 2.0
    assert Subsonic(target, 44_100)(estimate) == pytest.approx(0.1 * (9.5 + 13.0), abs=0.05)


def test_what_the_target_has_and_a_twentieth_of_the_energy_are_free():
    t = np.arange(44_100) / 44_100
    sweep = np.cumsum(15 + 100 * np.exp(-20 * t)) / 44_100
    kick = (np.sin(2 * np.pi * sweep) * np.exp(-6 * t)).astype(np.float32)[None]
    cost = Subsonic(kick, 44_100)
    assert cost.level > -10.0
    assert cost(kick) == 0.0 and cost(np.float32(0.1) * kick) == pytest.approx(0.0, abs=1e-3)
    assert cost(kick + np.float32(0.5)) > 0.5
    tone = Subsonic(tones((440, 1)), 44_100)
    assert tone(tones((440, 1), (2, 0.2))) == 0.0 < tone(tones((440, 1), (2, 0.4)))
    assert tone(tones((440, 1), (0, 0.2))) > 0.0
