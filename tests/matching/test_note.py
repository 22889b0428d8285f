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
