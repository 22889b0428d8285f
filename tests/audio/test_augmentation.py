import numpy as np
import torch

from unsynth.audio.augmentation import RANDOM_VALUES, augment
from unsynth.audio.observation import SPECTROGRAM_VALUES, TRACK_VALUES, Observation

HEARD = Observation.NOTE.note_values

#: Of one item: chosen, the equaliser's phases and sizes (0.5 is none), noise (its level, its
#: slope), a room (its decay, its reverberation).
CLEAN = [0.0, *[0.0] * 3, *[0.5] * 3, 0.0, 0.5, 0.0, 0.0]


def levels(observed):
    return (observed.float() / 255.0 - 1.0) * 80.0


def numbers(**changes):
    row = dict(enumerate(CLEAN)) | {int(k[1:]): v for k, v in changes.items()}
    return torch.tensor([list(row.values())])


def picture():
    """A spectrogram with one loud cell in silence, and a steady quiet band."""
    observed = torch.zeros((1, 1, 128, 401), dtype=torch.uint8)
    observed[0, 0, 40, 100] = 255
    observed[0, 0, 90] = 120
    return observed


def test_as_many_are_disturbed_as_are_wanted_and_the_others_stay():
    rng = np.random.default_rng(0)
    observed = torch.from_numpy(rng.integers(0, 255, (400, 1, 16, 20), dtype=np.uint8))
    how = torch.from_numpy(rng.random((400, RANDOM_VALUES), dtype=np.float32))
    assert torch.equal(augment(observed, how, 0.0), observed)
    same = (augment(observed, how, 0.3) == observed).flatten(1).all(dim=1)
    assert torch.equal(same, how[:, 0] >= 0.3)


def test_noise_adds_its_power():
    quiet = augment(picture(), numbers(), 1.0)
    assert abs(levels(quiet)[0, 0, 40, 100]) < 0.3 and (levels(quiet)[0, 0, 10] < -79.5).all()
    loud = levels(augment(picture(), numbers(_7=1.0), 1.0))[0, 0]
    np.testing.assert_allclose(loud[10], -30.0, atol=0.3)
    mixed = 10 * np.log10(10 ** (-42.35 / 10) + 10 ** (-30 / 10))
    np.testing.assert_allclose(loud[90, 0], mixed, atol=0.3)


def test_an_equaliser_is_a_curve_over_the_bands():
    flat = torch.full((1, 1, 128, 401), 200, dtype=torch.uint8)
    curve = levels(augment(flat, numbers(_4=1.0, _5=0.2, _6=0.9), 1.0))[0, 0]
    torch.testing.assert_close(curve, curve[:, :1].expand_as(curve), atol=0.4, rtol=0)
    assert 3.0 < curve.max() - curve.min() < 18.0 and curve.max() == 0.0
    assert curve[:, 0].diff().abs().max() < 1.0


def test_a_room_decays_by_60_db_in_its_time():
    wet = levels(augment(picture(), numbers(_9=0.5, _10=1.0), 1.0))[0, 0, 40]
    seconds = 0.2 * np.sqrt(10.0)
    tail = wet[101:150].numpy()
    np.testing.assert_allclose(np.diff(tail), -0.6 / seconds, atol=0.32)
    np.testing.assert_allclose((tail[48] - tail[0]) / 48, -0.6 / seconds, atol=0.01)
    np.testing.assert_allclose(tail[0], -10.0 - 0.6 / seconds, atol=0.3)
    assert (wet[:100] < -79).all()


def test_what_was_heard_of_a_note_stays():
    rng = np.random.default_rng(0)
    observed = torch.from_numpy(
        rng.integers(1, 255, (5, SPECTROGRAM_VALUES + HEARD), dtype=np.uint8)
    )
    how = torch.from_numpy(rng.random((5, RANDOM_VALUES), dtype=np.float32))
    found = augment(observed, how, 1.0)
    assert torch.equal(found[:, SPECTROGRAM_VALUES:], observed[:, SPECTROGRAM_VALUES:])
    assert (found != observed)[:, :SPECTROGRAM_VALUES].float().mean() > 0.5


def test_levels_of_windows_are_disturbed_and_where_the_sound_lies_stays():
    rng = np.random.default_rng(0)
    (size,), levels = Observation.WINDOWS.shape(1, 44_100), SPECTROGRAM_VALUES + TRACK_VALUES
    observed = torch.from_numpy(rng.integers(1, 255, (5, size), dtype=np.uint8))
    found = augment(
        observed, torch.from_numpy(rng.random((5, RANDOM_VALUES), dtype=np.float32)), 1.0
    )
    assert torch.equal(found[:, levels:], observed[:, levels:])
    for part in (np.s_[:, :SPECTROGRAM_VALUES], np.s_[:, SPECTROGRAM_VALUES:levels]):
        assert (found != observed)[part].float().mean() > 0.5
