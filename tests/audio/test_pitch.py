import numpy as np
import pytest
import soundfile

from unsynth.audio.onset import first_onset
from unsynth.audio.pitch import estimate_pitch

RATE = 44_100
TIME = np.arange(2 * RATE) / RATE


def saw(midi: float) -> np.ndarray:
    hz = 440 * 2 ** ((midi - 69) / 12)
    partials = np.arange(1, int(min(40, 20_000 / hz)) + 1)
    wave = (np.sin(2 * np.pi * hz * partials[:, None] * TIME) / partials[:, None]).sum(axis=0)
    return (0.3 * wave).astype(np.float32)[None]


@pytest.mark.parametrize("midi", [24, 31.3, 33.3, 40, 52.5, 57.7, 60, 69, 77, 81.1, 88, 96])
def test_a_saw_has_its_pitch(midi):
    assert estimate_pitch(saw(midi), RATE, 0.0) == pytest.approx(midi, abs=0.05)


def test_noise_silence_and_constants_have_no_pitch(rng):
    noise = rng.normal(size=(2, RATE)).astype(np.float32)
    assert estimate_pitch(noise, RATE, 0.0) is None
    assert estimate_pitch(np.zeros((1, RATE), np.float32), RATE, 0.0) is None
    assert estimate_pitch(saw(60), RATE, 10.0) is None
    assert estimate_pitch(np.ones((1, RATE), np.float32), RATE, 0.0) is None


def test_most_notes_of_instruments_are_right(shared_data):
    right = 0
    paths = sorted((shared_data / "instruments").glob("*.flac"))
    for path in paths:
        audio = soundfile.read(path, dtype="float32", always_2d=True)[0].T
        estimate = estimate_pitch(audio, RATE, first_onset(audio, RATE))
        right += estimate is not None and round(estimate) == int(path.stem.rsplit("_", 1)[1])
    assert len(paths) == 24 and right >= 20


def test_pitches_outside_the_range_are_none():
    """Up to an octave below the lowest pitch, dips near the last lag are not mistaken for one."""
    for midi in np.arange(24.0, 35.5, 0.5):
        for tone in (saw(midi), np.sin(TIME * 880 * np.pi * 2 ** ((midi - 69) / 12))[None]):
            estimate = estimate_pitch(np.float32(tone), RATE, 0.0, 36, 84)
            assert estimate is None or 35.5 < estimate < 84.5


@pytest.mark.parametrize("midi", [15.6, 20, 23.03, 24, 60, 95.7, 98, 101.5, 108, 110, 120])
def test_sines_and_saws_from_20_hz_to_8_khz_have_their_pitch(midi):
    sine = np.sin(TIME * 880 * np.pi * 2 ** ((midi - 69) / 12))[None]
    for tone in (np.float32(sine), saw(midi)):
        assert estimate_pitch(tone, RATE, 0.0, 15, 127) == pytest.approx(midi, abs=0.02)


def test_channels_in_opposite_phase_have_the_pitch_of_their_side():
    stereo = np.concatenate([saw(50) + 0.05 * saw(64), 0.05 * saw(64) - saw(50)])
    assert estimate_pitch(stereo, RATE, 0.0) == pytest.approx(50, abs=0.1)


def test_notes_above_the_range_are_not_taken_for_octaves_below():
    for midi in np.arange(97.0, 120.0, 2.7):
        assert estimate_pitch(saw(midi), RATE, 0.0) is None
