"""Candidates of a search."""

import pickle
import weakref

import numpy as np

from unsynth.search.candidates import Candidate


def test_silence_after_a_note_is_not_stored():
    audio = np.zeros((2, 1000), dtype=np.float32)
    audio[1, 299] = 0.5
    candidates = []
    for sound, stored in ((audio, 300), (np.zeros_like(audio), 0)):
        candidate = Candidate(np.zeros(3), sound, 1.0, "test")
        candidates.append(candidate)
        assert np.array_equal(candidate.audio, sound)
        assert len(pickle.dumps(candidate)) < 1000 + sound.itemsize * len(sound) * stored
    # The sound that was rendered is not held either.
    rendered = weakref.ref(audio)
    del audio, sound
    assert rendered() is None
