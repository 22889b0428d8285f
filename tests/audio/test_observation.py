import numpy as np

from unsynth.audio.mel import log_mel
from unsynth.audio.observation import SPECTROGRAM_VALUES, Observation, levels_to_bytes

NOTE_VALUES = Observation.NOTE.note_values

RATE = 44_100


def tone(pitch: int, onset: float, seconds: float) -> np.ndarray:
    """Eight harmonics, the n-th with amplitude 1 / n, released after ``seconds``."""
    time = np.arange(4 * RATE) / RATE - onset
    hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    waves = [np.sin(2 * np.pi * n * hz * time) / n for n in range(1, 9)]
    sounding = (time >= 0) & (time < seconds)
    return (0.1 * np.sum(waves, axis=0) * sounding)[None].astype(np.float32)


def test_an_observed_note_has_the_same_spectrogram_at_another_pitch_and_onset():
    here, there = (
        Observation.NOTE.observe(tone(pitch, onset, 1.2), RATE)
        for pitch, onset in [(57, 0.0), (64, 0.5)]
    )
    assert (
        here.shape
        == there.shape
        == Observation.NOTE.shape(1, RATE)
        == (SPECTROGRAM_VALUES + NOTE_VALUES,)
    )
    assert here.dtype == np.uint8
    for observed, pitch, onset in [(here, 57, 0.0), (there, 64, 0.5)]:
        estimate, voiced, start, end = observed[SPECTROGRAM_VALUES:].tolist()
        assert (estimate, voiced) == (pitch, 255)
        assert abs(start / 255 - onset) <= 1 / 255
        assert abs(4 * end / 255 - 1.2) <= 0.05
    shorter = Observation.NOTE.observe(tone(57, 0.0, 0.3), RATE)
    levels, moved, other = (
        each[:SPECTROGRAM_VALUES].astype(float) for each in (here, there, shorter)
    )
    assert np.abs(levels - moved).mean() < 0.2 * np.abs(levels - other).mean()


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).standard_normal((1, 4 * RATE)).astype(np.float32)
    for audio in (0.1 * noise, np.zeros_like(noise)):
        assert Observation.NOTE.observe(audio, RATE)[SPECTROGRAM_VALUES + 1] == 0


def test_a_log_mel_in_bytes_is_at_most_a_sixth_of_a_decibel_off():
    audio = tone(60, 0.1, 1.0)
    observed = Observation.LOG_MEL.observe(audio, RATE)
    assert observed.shape == Observation.LOG_MEL.shape(1, RATE) == (1, 128, 401)
    assert np.abs((observed / 255 - 1) * 80 - log_mel(audio)).max() < 0.16
    assert levels_to_bytes(np.array([-80.0, 0.0])).tolist() == [0, 255]
