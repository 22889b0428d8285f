"""The estimated note of a sound lies within its task's ranges."""

import numpy as np
import pytest

from tests.tiny import RATE, TinyTask
from unsynth.matching.note import estimate_note


@pytest.mark.parametrize(("midi", "onset"), [(60, 0.25), (33, 0.5), (90, 0.0), (60, 1.7)])
def test_the_estimated_note_is_valid_for_the_task(midi, onset):
    time = np.arange(4 * RATE) / RATE - onset
    tone = np.where(time >= 0, np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time), 0)
    note = estimate_note(np.float32(tone[None]), RATE, TinyTask())
    spec = TinyTask().spec
    for name, value in note.fixed_values.items():
        assert spec.parameters[spec.position[name]].valid(np.array([value]))[0]
    assert note.onset == pytest.approx(min(onset, 1.0), abs=0.002)
    assert set(note.pitches.tolist()) <= set(range(36, 85))
    assert midi != 60 or note.pitches.tolist() == [60]


@pytest.mark.parametrize(
    ("midi", "key"),
    [(15.6, 28), (19, 31), (23, 35), (24, 24), (96, 96), (97, 85), (98, 86), (103, 91), (108, 96)],
)
@pytest.mark.parametrize("harmonics", [1, 3, 6])
def test_a_pitch_that_the_synthesizer_lacks_becomes_its_octave(task, midi, key, harmonics):
    """The DX7 is matched on notes 24 to 96."""
    note = estimate_note(tone(midi, harmonics), 44_100, task)
    assert note.pitches.tolist() == [key]
    assert bool(note.remark) == (round(midi) != key)
    assert not note.remark or (f"note {round(midi)}" in note.remark and f"{key}" in note.remark)


@pytest.mark.parametrize("midi", [110, 113.4, 120, 126])
def test_a_pitch_above_a_piano_is_no_note(task, midi):
    """Two and three periods of note 110 were taken for one: notes 98 and 91."""
    note = estimate_note(tone(midi, 1), 44_100, task)
    assert note.pitches.tolist() == list(range(24, 97)) and note.remark == ""


def tone(midi: float, harmonics: int) -> np.ndarray:
    hz, time = 440 * 2 ** ((midi - 69) / 12), np.arange(2 * 44_100) / 44_100
    partials = [h for h in range(1, harmonics + 1) if h * hz < 20_000]
    wave = sum(np.sin(2 * np.pi * h * hz * time) / h for h in partials)
    return np.float32(wave * np.exp(-time))[None]
