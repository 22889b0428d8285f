import numpy as np
import pytest

from unsynth.audio.onset import first_onset, frame_levels, loudest_onset, note_end

RATE = 44_100


def envelope(points: list[tuple[float, float]]) -> np.ndarray:
    """A 4 s tone whose level in dB runs through (seconds, dB) points."""
    time = np.arange(4 * RATE) / RATE
    seconds, decibels = zip(*points, strict=True)
    level = 10 ** (np.interp(time, seconds, decibels) / 20)
    return (level * np.sin(2 * np.pi * 300 * time)).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("points", "onset", "end"),
    [
        ([(0.3, -200), (0.301, 0), (1.8, 0), (1.9, -60)], 0.3, 1.5),  # organ
        ([(0, 0), (3.0, -30), (3.01, -200)], 0.0, 3.0),  # a decay that the end of the file cuts off
        ([(0, 0), (0.1, -15), (2.0, -20), (2.3, -60)], 0.0, 2.0),  # pluck, then release
        ([(0.5, -200), (0.51, 0), (4, -20)], 0.5, 3.5),  # a slow decay to the end
    ],
)
def test_onset_and_end_of_a_note_are_estimated(points, onset, end):
    audio = envelope(points)
    estimate = first_onset(audio, RATE)
    assert estimate == pytest.approx(onset, abs=0.01)
    assert note_end(audio, RATE, estimate) == pytest.approx(end, abs=0.08)


def test_loudest_onset_is_the_largest_rise():
    levels = frame_levels(envelope([(0, -40), (0.99, -40), (1, -20), (2.5, -20), (2.51, 0)]), RATE)
    assert len(levels) == 400
    assert loudest_onset(levels) in (250, 251)


@pytest.mark.parametrize("noise", [0.0, 0.005])
@pytest.mark.parametrize("attack", [0.05, 0.5, 2.0, 2.9])
def test_a_long_sound_begins_where_its_loudest_rise_does(rng, noise, attack):
    """From a swell of two seconds, two seconds before it is loud."""
    time = np.arange(8 * RATE) / RATE - 0.5
    level = np.clip(time / attack, 0, 1) * np.clip(7.5 - time, 0, 1)
    swell = level * np.sin(2 * np.pi * 110 * time) + rng.normal(scale=noise + 1e-9, size=len(time))
    begin = loudest_onset(frame_levels(np.float32(swell)[None], RATE)) / 100
    assert 0.48 <= begin <= 0.51 + 0.03 * attack


def test_the_rise_of_a_loud_note_does_not_begin_in_the_note_before():
    """Another note, softer by 10 dB, rings until the loud one begins, or is nearly gone by then."""
    for fall in (-10, -40):
        points = [(0.2, -90), (0.21, -10), (2.2, fall), (2.21, 0), (4, -3)]
        assert loudest_onset(frame_levels(envelope(points), RATE)) in (220, 221)


@pytest.mark.parametrize("before", [0.06, 0.3, 1.2])
@pytest.mark.parametrize("noise", [-60, -48, -38, -32])
@pytest.mark.parametrize("hz", [35, 440])
def test_noise_before_a_note_is_not_its_onset(rng, hz, noise, before):
    time = np.arange(2 * RATE) / RATE
    note = np.sin(2 * np.pi * hz * time) * np.exp(-1.5 * time)
    sound = np.concatenate([np.zeros(round(before * RATE)), note])
    sound += 10 ** (noise / 20) * rng.normal(size=len(sound))
    assert first_onset(np.float32(sound)[None], RATE) == pytest.approx(before, abs=0.003)


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_a_click_before_a_note_is_not_its_onset(rng, noise):
    sound = np.concatenate([np.zeros(RATE // 2), envelope([(0, 0), (2, -20)])[0, : 2 * RATE]])
    sound += rng.normal(scale=noise + 1e-9, size=len(sound))
    sound[RATE // 5 : RATE // 5 + 200] += 0.4
    assert first_onset(np.float32(sound)[None], RATE) == pytest.approx(0.5, abs=0.003)


def test_silence_that_an_encoder_puts_before_noise_does_not_hide_it(rng):
    sound = np.concatenate([np.zeros(RATE), envelope([(0, 0), (4, -20)])[0, : 2 * RATE]])
    sound[2_000:] += rng.normal(scale=0.01, size=len(sound) - 2_000)
    assert first_onset(np.float32(sound)[None], RATE) == pytest.approx(1.0, abs=0.003)


@pytest.mark.parametrize(
    "points",
    [
        [(0, -60), (1.5, 0), (4, 0)],  # an attack that rises evenly in dB
        [(0, -20), (0.5, -20), (0.51, 0), (4, -10)],  # a soft note, then a loud one
        [(0.1, -200), (0.11, -35), (0.4, -35), (0.41, 0), (4, 0)],  # breath, after silence
    ],
)
def test_what_is_no_noise_belongs_to_the_note(points):
    audio = envelope(points)
    size = np.abs(audio[0])
    assert first_onset(audio, RATE) == pytest.approx((size >= 0.01 * size.max()).argmax() / RATE)


def test_silence_and_a_single_frame_have_onset_and_end():
    silence = np.zeros((1, RATE), dtype=np.float32)
    assert first_onset(silence, RATE) == 0.0
    assert note_end(silence, RATE, 0.0) == 1.0
    assert note_end(silence[:, :500], RATE, 0.0) == pytest.approx(500 / RATE)
