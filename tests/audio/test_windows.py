import numpy as np
import torch

from unsynth.audio import window_levels
from unsynth.audio.window_levels import cut_windows
from unsynth.audio.windows import FRAMES, SEGMENTS, TRACKS, window_starts

RATE = 44_100
TIME = np.arange(4 * RATE) / RATE
#: The band of the note in the spectrogram.
SEMITONE = 24
#: The track of the note, which lies in its middle.
OWN = 4
#: Frames a tenth of a second apart.
EVEN = np.s_[8:38]


def note(hz: float, vibrato_cents: float = 0.0, tremolo: float = 0.0) -> np.ndarray:
    """A sine with a vibrato and a tremolo of 3 Hz each."""
    turns = np.sin(2 * np.pi * 3 * TIME)
    frequency = hz * 2.0 ** (vibrato_cents * turns / 1200)
    wave = np.sin(2 * np.pi * np.cumsum(frequency) / RATE) * (1 - tremolo * (0.5 - 0.5 * turns))
    return (0.3 * wave).astype(np.float32)


def spectrogram(sound: np.ndarray, onset: float, pitch: int) -> np.ndarray:
    items = window_levels.note_spectrogram(
        cut_windows(sound, RATE, onset).long, RATE, torch.tensor([pitch])
    )
    return items[0].numpy()


def tracks(sound: np.ndarray, onset: float, pitch: int) -> list[np.ndarray]:
    levels, places = window_levels.tracks(
        cut_windows(sound, RATE, onset).short, RATE, torch.tensor([pitch])
    )
    return [levels[0].numpy(), places[0].numpy()]


def strength_at_3_hz(track: np.ndarray) -> float:
    even = track[EVEN] - track[EVEN].mean()
    turns = np.exp(-2j * np.pi * 3 * 0.1 * np.arange(len(even)))
    return float(2 * np.abs((even * turns).mean()))


def test_semitones_and_half_octaves_are_relative_to_the_note():
    for pitch in (48, 60, 81):
        for octave in (0, 1, 2):
            hz = 440.0 * 2.0 ** ((pitch - 69) / 12 + octave)
            levels, places = tracks(note(hz), 0.0, pitch)
            assert levels.shape == places.shape == (TRACKS, FRAMES)
            band = OWN + 2 * octave
            assert (levels.argmax(axis=0) == band).all()
            np.testing.assert_allclose(places[band], 0.5, atol=0.2)
            semitones = spectrogram(note(hz), 0.0, pitch)
            assert semitones.shape == (96, SEGMENTS)
            # The bins of a low note are wider than its semitones.
            assert (abs(semitones.argmax(axis=0) - SEMITONE - 12 * octave) <= 1).all()


def test_a_vibrato_moves_the_place_and_a_tremolo_the_level():
    kinds = [note(880.0), note(880.0, vibrato_cents=30.0), note(880.0, tremolo=0.5)]
    observed = [tracks(sound, 0.0, 81) for sound in kinds]
    places = [strength_at_3_hz(places[OWN]) for _, places in observed]
    levels = [strength_at_3_hz(levels[OWN]) for levels, _ in observed]
    # 30 cents are a twentieth of half an octave.
    assert 0.03 < places[1] < 0.06 and max(places[0], places[2]) < 0.01
    assert 2.0 < levels[2] < 4.0 and max(levels[0], levels[1]) < 0.5


def test_windows_look_the_same_for_another_key_or_onset():
    here, there = note(440.0, 30.0, 0.3), note(440.0 * 2.0 ** (5 / 12), 30.0, 0.3)
    late = np.concatenate([np.zeros(RATE // 2, np.float32), there])[: 4 * RATE]
    first, second = tracks(here, 0.0, 69), tracks(late, 0.5, 74)
    inside = np.s_[OWN, :30]
    np.testing.assert_allclose(first[0][inside], second[0][inside], atol=0.5)
    np.testing.assert_allclose(first[1][inside], second[1][inside], atol=0.05)
    loudest = np.s_[SEMITONE, :-1]
    np.testing.assert_allclose(
        spectrogram(here, 0.0, 69)[loudest], spectrogram(late, 0.5, 74)[loudest], atol=1.0
    )


def test_silence_and_the_time_past_the_end_have_the_middle_as_place():
    levels, places = tracks(np.zeros(4 * RATE, np.float32), 1.0, 60)
    assert (places == 0.5).all() and np.isfinite(levels).all()
    levels, places = tracks(note(440.0), 1.0, 69)
    after = window_starts(RATE)[1] + RATE >= 4 * RATE
    assert after.sum() >= 4
    assert (levels[:, after] == -80.0).all() and (places[:, after] == 0.5).all()
    for short in (note(440.0)[:100], note(440.0)[:0]):
        assert np.isfinite(tracks(short, 0.0, 69)).all()
        assert np.isfinite(spectrogram(short, 0.0, 69)).all()


def test_a_batch_gives_the_same_as_its_sounds_alone():
    pitches, sounds = (48, 60, 81), [note(440.0), note(300.0, 30.0), note(880.0, 0.0, 0.5)]
    items = [cut_windows(sound, RATE, 0.0) for sound in sounds]
    together = window_levels.NoteWindows(*(torch.cat(parts) for parts in zip(*items, strict=True)))
    keys = torch.tensor(pitches)
    spectrograms = window_levels.note_spectrogram(together.long, RATE, keys).numpy()
    levels, places = window_levels.tracks(together.short, RATE, keys)
    for i, (sound, pitch) in enumerate(zip(sounds, pitches, strict=True)):
        np.testing.assert_allclose(spectrograms[i], spectrogram(sound, 0.0, pitch), atol=1e-3)
        alone = tracks(sound, 0.0, pitch)
        np.testing.assert_allclose(levels[i], alone[0], atol=1e-3)
        np.testing.assert_allclose(places[i], alone[1], atol=1e-3)
