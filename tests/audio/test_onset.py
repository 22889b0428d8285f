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
    assert loudest_onset(levels) == pytest.approx(2.5, abs=0.03)


def test_silence_and_a_single_frame_have_onset_and_end():
    silence = np.zeros((1, RATE), dtype=np.float32)
    assert first_onset(silence, RATE) == 0.0
    assert note_end(silence, RATE, 0.0) == 1.0
    assert note_end(silence[:, :500], RATE, 0.0) == pytest.approx(500 / RATE)
