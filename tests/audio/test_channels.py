import numpy as np
import pytest

from unsynth.audio.channels import to_channels, to_mono

TIME = np.arange(4_410) / 44_100
X = np.float32(np.sin(2 * np.pi * 440 * TIME))
Y = np.float32(np.sin(2 * np.pi * 660 * TIME))


@pytest.mark.parametrize("softer", [1e-3, 0.05, 0.5])
def test_of_middle_and_side_the_louder_is_taken(softer):
    """Long before left and right cancel."""
    middle, remark = to_channels(np.stack([X + softer * Y, X - softer * Y]), 1)
    np.testing.assert_allclose(middle[0], X, atol=1e-6)
    assert remark == "mixed down from 2 channels"
    side, remark = to_channels(np.stack([X + softer * Y, -X + softer * Y]), 1)
    np.testing.assert_allclose(side[0], X, atol=1e-6)
    assert "left minus right" in remark


def test_one_silent_side_and_unlike_sides_are_mixed():
    for sound in (np.stack([X, 0 * X]), np.stack([0 * X, X]), np.stack([X, Y])):
        mono, remark = to_channels(sound, 1)
        np.testing.assert_allclose(mono[0], sound.mean(axis=0), atol=1e-6)
        np.testing.assert_array_equal(mono[0], to_mono(sound))
        assert remark == "mixed down from 2 channels"


def test_an_engines_own_channels_are_left_alone():
    for sound, channels in ((X[None], 1), (np.stack([X, -X]), 2)):
        same, remark = to_channels(sound, channels)
        assert same is sound and remark == ""
    both, remark = to_channels(X[None], 2)
    np.testing.assert_array_equal(both, [X, X])
    assert remark == ""


@pytest.mark.parametrize(
    ("ogg", "channel", "left", "right"),
    [
        (False, 0, 1.0, 0.0),
        (False, 1, 0.0, 1.0),
        (False, 2, 0.7071, 0.7071),
        (False, 4, 0.7071, 0.0),
        (False, 5, 0.0, 0.7071),
        (True, 1, 0.7071, 0.7071),
        (True, 2, 0.0, 1.0),
        (True, 3, 0.7071, 0.0),
    ],
)
def test_surround_is_mixed_as_broadcasters_do(ogg, channel, left, right):
    """The six channels of 5.1 have other orders in wav and in Ogg files."""
    surround = np.zeros((6, len(X)), np.float32)
    surround[channel] = X
    stereo, remark = to_channels(surround, 2, ogg)
    total = 1.0 + 2 * 0.5**0.5
    np.testing.assert_allclose(stereo * total, [left * X, right * X], atol=1e-4)
    assert remark.startswith("mixed down from 6 channels of surround sound, without")
    mono, _ = to_channels(surround, 1, ogg)
    np.testing.assert_allclose(mono[0], stereo.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("channels", range(3, 13))
def test_sound_in_one_channel_of_any_is_never_lost(channels, outputs):
    for number in range(channels):
        sound = np.zeros((channels, len(X)), np.float32)
        sound[number] = X
        mix, remark = to_channels(sound, outputs)
        assert mix.shape == (outputs, len(X))
        assert f"from {channels} channels" in remark or f"matched channel {number + 1}" in remark
        assert np.abs(mix).max() > 0.05
