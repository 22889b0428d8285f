"""Augmentation of observed sounds by an equaliser, noise and a room."""

import numpy as np
import torch

from unsynth.audio.augmentation import RANDOM_VALUES, augment
from unsynth.audio.observation import SPECTROGRAM_VALUES, TRACK_VALUES, Observation

NOTE_VALUES = Observation.NOTE.note_values

#: The random numbers of one item: choice, phases and sizes of the equaliser (0.5 is none), level
#: and slope of the noise, decay and power of the room.
CLEAN = [0.0, *[0.0] * 3, *[0.5] * 3, 0.0, 0.5, 0.0, 0.0]


def levels(observed):
    return (observed.float() / 255.0 - 1.0) * 80.0


def numbers(**changes):
    row = dict(enumerate(CLEAN)) | {int(k[1:]): v for k, v in changes.items()}
    return torch.tensor([list(row.values())])


def random_bytes(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(1, 255, shape, dtype=np.uint8))


def random_numbers(items: int) -> torch.Tensor:
    rng = np.random.default_rng(1)
    return torch.from_numpy(rng.random((items, RANDOM_VALUES), dtype=np.float32))


def spectrogram():
    """A spectrogram with one loud cell in silence, and a steady quiet band."""
    observed = torch.zeros((1, 1, 128, 401), dtype=torch.uint8)
    observed[0, 0, 40, 100] = 255
    observed[0, 0, 90] = 120
    return observed


def test_the_share_of_items_is_augmented_and_the_others_stay():
    observed, random = random_bytes(400, 1, 16, 20), random_numbers(400)
    assert torch.equal(augment(observed, random, 0.0), observed)
    same = (augment(observed, random, 0.3) == observed).flatten(1).all(dim=1)
    assert torch.equal(same, random[:, 0] >= 0.3)


def test_noise_adds_its_power():
    quiet = augment(spectrogram(), numbers(), 1.0)
    assert abs(levels(quiet)[0, 0, 40, 100]) < 0.3 and (levels(quiet)[0, 0, 10] < -79.5).all()
    loud = levels(augment(spectrogram(), numbers(_7=1.0), 1.0))[0, 0]
    np.testing.assert_allclose(loud[10], -30.0, atol=0.3)
    mixed = 10 * np.log10(10 ** (-42.35 / 10) + 10 ** (-30 / 10))
    np.testing.assert_allclose(loud[90, 0], mixed, atol=0.3)


def test_the_equaliser_is_a_slow_curve_over_the_bands():
    flat = torch.full((1, 1, 128, 401), 200, dtype=torch.uint8)
    curve = levels(augment(flat, numbers(_4=1.0, _5=0.2, _6=0.9), 1.0))[0, 0]
    torch.testing.assert_close(curve, curve[:, :1].expand_as(curve), atol=0.4, rtol=0)
    assert 3.0 < curve.max() - curve.min() < 18.0 and curve.max() == 0.0
    assert curve[:, 0].diff().abs().max() < 1.0


def test_a_room_decays_by_60_db_in_its_time():
    wet = levels(augment(spectrogram(), numbers(_9=0.5, _10=1.0), 1.0))[0, 0, 40]
    seconds = 0.2 * np.sqrt(10.0)
    tail = wet[101:150].numpy()
    np.testing.assert_allclose(np.diff(tail), -0.6 / seconds, atol=0.32)
    np.testing.assert_allclose((tail[48] - tail[0]) / 48, -0.6 / seconds, atol=0.01)
    np.testing.assert_allclose(tail[0], -10.0 - 0.6 / seconds, atol=0.3)
    assert (wet[:100] < -79).all()


def test_the_note_of_an_observation_stays():
    observed = random_bytes(5, SPECTROGRAM_VALUES + NOTE_VALUES)
    augmented = augment(observed, random_numbers(5), 1.0)
    note = np.s_[:, SPECTROGRAM_VALUES:]
    assert torch.equal(augmented[note], observed[note])
    assert (augmented != observed)[:, :SPECTROGRAM_VALUES].float().mean() > 0.5


def test_levels_of_windows_change_and_places_stay():
    (size,), end = Observation.WINDOWS.shape(1, 44_100), SPECTROGRAM_VALUES + TRACK_VALUES
    observed = random_bytes(5, size)
    augmented = augment(observed, random_numbers(5), 1.0)
    assert torch.equal(augmented[:, end:], observed[:, end:])
    for part in (np.s_[:, :SPECTROGRAM_VALUES], np.s_[:, SPECTROGRAM_VALUES:end]):
        assert (augmented != observed)[part].float().mean() > 0.5
