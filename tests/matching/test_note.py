"""What is heard of a note is something that its task has."""

import numpy as np
import pytest

from tests.tiny import RATE, TinyTask
from unsynth.matching.note import estimate_note


@pytest.mark.parametrize(("midi", "onset"), [(60, 0.25), (33, 0.5), (90, 0.0), (60, 1.7)])
def test_a_note_is_heard_within_the_task(midi, onset):
    time = np.arange(4 * RATE) / RATE - onset
    tone = np.where(time >= 0, np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time), 0)
    heard = estimate_note(np.float32(tone[None]), RATE, TinyTask())
    spec = TinyTask().spec
    for name, value in heard.fixed.items():
        assert spec.parameters[spec.position[name]].valid(np.array([value]))[0]
    assert heard.onset == pytest.approx(min(onset, 1.0), abs=0.002)
    assert set(heard.pitches.tolist()) <= set(range(36, 85))
    assert midi != 60 or heard.pitches.tolist() == [60]
