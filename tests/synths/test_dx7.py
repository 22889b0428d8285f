import numpy as np
import pytest

from unsynth.errors import PatchError
from unsynth.formats.syx import init_voice
from unsynth.synths.base import Note
from unsynth.synths.dx7 import DX7
from unsynth.synths.dx7_algorithms import ALGORITHMS

dexed = pytest.importorskip("dexed")


def test_algorithms_match_the_engine():
    for number, algorithm in enumerate(ALGORITHMS):
        matrix = dexed.get_mod_matrix(number)
        assert algorithm.edges == {(a, b) for b, a in zip(*np.nonzero(matrix), strict=True)}
        assert algorithm.carriers == set(dexed.get_carriers(number))
        assert algorithm.feedback == tuple(dexed.get_feedback_edge(number))


def test_the_onset_delays_the_sound_and_lengths_are_exact():
    synth = DX7()
    at_once = synth.render(init_voice(), Note(60, 0.0, 1.0))
    later = synth.render(init_voice(), Note(60, 0.5, 1.0))
    assert at_once.shape == later.shape == (1, 176_400)
    assert not later[0, :22_050].any()
    np.testing.assert_array_equal(later[0, 22_050:], at_once[0, :-22_050])
    assert synth.render(init_voice(), Note(60, 0.3, 1.0), 0.123).shape == (1, 5424)


def test_sounds_are_bit_exact_in_any_order(task, rng):
    patches = [task.sample(rng) for _ in range(8)]
    requests = [(task.engine_patch(p), task.note(p)) for p in patches]
    synth = DX7()
    first = [synth.render(*r) for r in requests]
    for i in rng.permutation(8):
        np.testing.assert_array_equal(synth.render(*requests[i]), first[i])
        np.testing.assert_array_equal(DX7().render(*requests[i]), first[i])


@pytest.mark.parametrize(
    "note",
    [
        Note(128),
        Note(-1),
        Note(60, velocity=128),
        Note(60, velocity=0),
        Note(60, duration=0.0),
        Note(60, -0.1),
    ],
)
def test_invalid_notes_are_rejected(note):
    with pytest.raises(PatchError):
        DX7().render(init_voice(), note)


def test_invalid_bytes_are_rejected():
    voice = init_voice()
    voice[16] = 255
    with pytest.raises(PatchError, match="byte 16"):
        DX7().render(voice, Note(60))
    with pytest.raises(PatchError, match="155"):
        DX7().render(voice[:100], Note(60))
