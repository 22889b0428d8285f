import numpy as np
import pytest

from unsynth.audio.levels import measure_frames

RATE = 44_100
TIME = np.arange(2 * RATE) / RATE


def offset(*channels: np.ndarray, rate: int = RATE) -> np.ndarray:
    return measure_frames([np.float32(channels)], rate).offset()


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
@pytest.mark.parametrize("hz", [20, 30.87, 440])
def test_each_channel_has_its_own_offset(hz, rate):
    time = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * hz * time) * np.exp(-time)
    expected = np.array([0.05, -0.02, 0.0])
    np.testing.assert_allclose(offset(*(tone + expected[:, None]), rate=rate), expected, atol=5e-3)


def test_what_is_not_constant_is_no_offset(rng):
    thump = np.cos(2 * np.pi * 50 * TIME[:6_615]) * np.exp(-20 * TIME[:6_615])
    pulse = np.where((TIME * 110) % 1 < 0.1, 0.9, 0.1) * (TIME < 1.5)  # a note with DC
    assert abs(np.mean(pulse)) > 0.1
    assert abs(offset(thump)[0]) < 3e-3 and offset(pulse)[0] == 0.0
    assert abs(offset(rng.normal(size=2 * RATE))[0]) < 0.01


def test_levels_are_those_of_the_sound_without_its_offset(rng):
    sound = np.float32(rng.normal(scale=0.1, size=(2, 44_100)))
    shift = np.array([0.3, -0.2])
    levels = measure_frames([sound + np.float32(shift)[:, None]], RATE).levels(shift)
    np.testing.assert_allclose(levels, measure_frames([sound], RATE).levels(), rtol=1e-4)


def test_blocks_have_the_frames_of_the_whole():
    sound = np.float32(np.sin(TIME * 300))[None]
    whole = measure_frames([sound], RATE)
    parts = measure_frames([sound[:, : 441 * 50], sound[:, 441 * 50 :]], RATE)
    np.testing.assert_array_equal(whole.powers, parts.powers)
    np.testing.assert_array_equal(whole.means, parts.means)
    assert measure_frames([], RATE).levels().size == 0
