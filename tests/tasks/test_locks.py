import numpy as np
import pytest

from unsynth.errors import PatchError
from unsynth.tasks.locks import Locks


def test_read_takes_names_of_choices_and_the_short_name_of_the_note(task):
    locks = Locks.read(
        task, {"note": "60", "lfo.wave": "sine", "algorithm": 5, "note.onset": "0.12345"}
    )
    assert locks.values == {
        "note.pitch": 60.0,
        "lfo.wave": 4.0,
        "algorithm": 4.0,
        "note.onset": 0.123,  # rounded to the step of 1 ms
    }


def test_two_values_of_one_parameter_are_refused(task):
    assert Locks.read(task, {"note": 60, "note.pitch": "60"}).values == {"note.pitch": 60.0}
    with pytest.raises(PatchError, match=r"note.pitch: 62 and 60 are locked: give one"):
        Locks.read(task, {"note": 60, "note.pitch": "62"})


def test_hold_changes_only_the_locked_values_of_a_copy(task):
    patch = task.sample(np.random.default_rng(0))
    original = patch.copy()
    locks = Locks(task, {"feedback": 7.0, "note.pitch": 48.0})
    held = locks.hold(patch)
    position = task.spec.position
    assert locks.positions == [position["feedback"], position["note.pitch"]]
    assert held[locks.positions].tolist() == [7.0, 48.0]
    np.testing.assert_array_equal(patch, original)
    np.testing.assert_array_equal(
        np.delete(held, locks.positions), np.delete(original, locks.positions)
    )


def test_without_locks_hold_returns_an_equal_copy(task):
    patch = task.sample(np.random.default_rng(1))
    held = Locks(task).hold(patch)
    assert held is not patch
    np.testing.assert_array_equal(held, patch)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("feedbak", 3, "feedbak: dx7 has no parameter of this name; is it feedback?"),
        ("lfo.wave", "triangel", "triangel is not one of triangle, saw down"),
        ("algorithm", 33, "33 is not one of 1, 2"),
        ("feedback", "high", "'high' is not a number"),
        ("feedback", 8, "8 is out of range; dx7 has whole numbers 0 to 7"),
        ("feedback", 2.5, "2.5 is out of range; dx7 has whole numbers"),
        ("feedback", "nan", "nan is out of range"),
        ("note.duration", 7.0, "7 is out of range; dx7 has 0.05 to 6"),
    ],
)
def test_reading_a_wrong_name_or_value_says_what_is_valid(task, name, value, reason):
    with pytest.raises(PatchError, match=reason.replace("?", r"\?")):
        Locks.read(task, {name: value})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("feedbak", 3.0, "is it feedback"),
        ("feedback", 8.0, "out of range"),
        ("lfo.wave", 6.0, "lfo.wave: 6 is not the index of a choice, 0 to 5"),
        ("lfo.wave", -1.0, "not the index of a choice"),
        ("lfo.wave", 1.5, "not the index of a choice"),
    ],
)
def test_a_wrong_name_or_value_makes_no_locks(task, name, value, reason):
    with pytest.raises(PatchError, match=reason):
        Locks(task, {name: value})
