"""Steady noise is removed where the note is silent, and clean sounds stay as they are."""

import numpy as np
import pytest
import soundfile

from unsynth.audio.files import read_sound
from unsynth.audio.noise import remove_noise
from unsynth.conventions import SECONDS
from unsynth.matching.targets import read_target
from unsynth.metrics.audio import mss

RATE = 44_100
TIME = np.arange(4 * RATE) / RATE


def note(onset: float = 0.3, decay: float = 4.0, end: float = 2.0) -> np.ndarray:
    """A decaying tone of 220 Hz with eight harmonics."""
    since = TIME - onset
    wave = sum(np.sin(2 * np.pi * 220 * k * since) / k for k in range(1, 9))
    wave *= np.exp(-decay * np.maximum(since, 0)) * (since > 0) * (end > TIME)
    return (wave / np.abs(wave).max()).astype(np.float32)[None]


def hiss(decibels: float, channels: int = 1) -> np.ndarray:
    """White noise of an RMS in dB of full scale."""
    noise = np.random.default_rng(0).standard_normal((channels, len(TIME)))
    return (10 ** (decibels / 20) * noise).astype(np.float32)


def hum(decibels: float) -> np.ndarray:
    wave = sum(np.sin(2 * np.pi * 50 * k * TIME) for k in (1, 2, 3)) / np.sqrt(1.5)
    return (10 ** (decibels / 20) * wave).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("sound", "noise", "before", "after"),
    [
        (note(), hiss(-35), 20.0, 2.0),
        (note(), hiss(-24), 25.0, 3.5),
        (note(), hiss(-50), 10.0, 0.7),
        (note(), hum(-40), 1.5, 0.8),
        (note(onset=0.0), hiss(-40), 15.0, 1.5),  # known from its end
        (note(end=4.0, decay=0.5), hiss(-45), 10.0, 1.1),  # known from its start
        (np.repeat(note(), 2, axis=0), hiss(-40, 2), 15.0, 1.5),
    ],
)
def test_steady_noise_is_removed(sound, noise, before, after):
    clean, level = remove_noise(sound + noise, RATE)
    assert clean.dtype == np.float32 and clean.shape == sound.shape
    assert mss(sound, sound + noise) > before
    assert mss(sound, clean) < after
    loudest = max(np.sqrt(np.square(sound[:, i : i + 441]).mean()) for i in range(0, 44100, 441))
    assert level == pytest.approx(10 * np.log10(np.square(noise).mean() / loudest**2), abs=1.0)


@pytest.mark.parametrize(
    "sound",
    [
        note(),
        note(onset=0.0, decay=0.0, end=4.0),
        note(onset=0.0) + 0.02 * note(onset=0.0, decay=0.0, end=4.0),  # a tone that is held
        note(onset=0.0) + hum(-40),
        hiss(-20),
        hiss(-20) * np.exp(-2 * TIME).astype(np.float32),  # a drum
        hiss(-20) * (TIME / 4).astype(np.float32) ** 2,  # a swell of noise
        note() + hiss(-70),
        note() + hiss(-18),  # louder than noise may be
        note() + hum(-25),
        note() + hiss(-40) * (TIME > 1.0),  # silence before it
        np.zeros((1, len(TIME)), dtype=np.float32),
        note()[:, :RATE],
    ],
)
def test_sounds_without_steady_noise_stay_as_they_are(sound):
    clean, level = remove_noise(sound, RATE)
    assert clean is sound and level is None


def test_a_soft_tone_that_is_held_is_no_noise():
    """There is noise before the note, but the tone at the end is louder."""
    held = note(onset=0.3, decay=0.0, end=4.0) * 10 ** (-28 / 20)
    clean, level = remove_noise(note() + held + hiss(-60), RATE)
    assert level is not None
    assert mss(note() + held, clean) < 0.5


def test_noise_before_the_part_that_is_matched_tells_what_is_noise(task, tmp_path):
    """A sound of 6 s is cut at its onset, and nothing after that is without the note."""
    held = note(onset=0.0, decay=0.3, end=4.0)
    recording = np.concatenate([np.zeros((1, 2 * RATE), dtype=np.float32), held], axis=1)
    noise = np.random.default_rng(0).standard_normal(recording.shape) * 10 ** (-40 / 20)
    targets = []
    for name, sound in (("clean", recording), ("noisy", recording + noise)):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, 0.5 * sound[0], RATE, subtype="FLOAT")
        targets.append(read_target(path, task))
    clean, noisy = targets
    with_noise, _ = read_sound(tmp_path / "noisy.wav", RATE, 1, SECONDS, 1.0)
    assert mss(clean.audio, with_noise) > 8.0
    assert mss(clean.audio, noisy.audio) < 1.5
    assert "took out steady noise" in noisy.remarks[-1] and len(clean.remarks) == 1
