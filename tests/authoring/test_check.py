"""A check finds what is wrong with a task, in engines that have it."""

import itertools
import re

import numpy as np
import pytest

from tests.tiny import TinySynth, TinyTask
from unsynth.authoring.check import Checked, Checking, _shuffled, check, write_page
from unsynth.errors import EngineError, OutputError


class Lingering(TinySynth):
    """Lets a tenth of the sound before be heard in the next."""

    last: np.ndarray | float = 0.0

    def render(self, patch, note, seconds=4.0):
        sound = super().render(patch, note, seconds)
        heard, self.last = sound + 0.1 * self.last, sound
        return np.float32(heard)


class Silent(TinySynth):
    def render(self, patch, note, seconds=4.0):
        return 0.0 * super().render(patch, note, seconds)


class Fading(TinySynth):
    """Is heard only where the first oscillator is nearly at its loudest."""

    def render(self, patch, note, seconds=4.0):
        return (patch[0] > 15) * super().render(patch, note, seconds)


class Refusing(TinySynth):
    def render(self, patch, note, seconds=4.0):
        if patch[1] > 6:
            raise EngineError("no such ratio")
        return super().render(patch, note, seconds)


def checked(synth, draws=12):
    *progress, last = check(TinyTask(synth), draws)
    assert isinstance(last, Checked)
    assert all(isinstance(p, Checking) and p.done <= p.total for p in progress)
    return last


def test_a_good_task_has_nothing_wrong(tmp_path):
    found = checked(TinySynth)
    assert not found.problems and not found.remarks
    assert found.floor.max() == found.history.max() == 0.0 and found.others.mean() > 1.0
    lines = "\n".join(found.lines())
    assert "heard: 12 of 12 draws (100 %)" in lines and "noise floor: MSS 0.00 dB" in lines
    page = tmp_path / "page.html"
    write_page(found, page)
    text = page.read_text(encoding="utf-8")
    assert "Nothing is wrong" in text and text.count("<audio ") == 8
    assert text.count("data:image/png") == 2 + 8 and "osc2.decay" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(found, tmp_path / "no" / "page.html")


def test_a_tail_in_the_next_sound_is_a_problem():
    found = checked(Lingering)
    assert found.floor.max() == 0.0 and found.history.mean() > 0.05
    assert any("depends on those before it" in problem for problem in found.problems)


def test_a_silent_engine_ends_the_check():
    with pytest.raises(EngineError, match="none of 12 draws of task tiny is heard: all are below"):
        checked(Silent)


def test_few_draws_that_are_heard_are_remarked_on():
    found = checked(Fading, 24)
    assert "draws are heard" in found.remarks[0] and not found.problems


def test_draws_that_fail_are_counted():
    found = checked(Refusing)
    assert "of 12 draws failed: EngineError: no such ratio" in found.problems[0]


def test_two_sounds_are_never_in_the_same_order():
    for draws in (2, 5, 50):
        order = _shuffled(draws)
        assert sorted(order) == list(range(draws))
        assert all(b != a + 1 for a, b in itertools.pairwise(order))
