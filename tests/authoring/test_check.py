"""A check finds the faults of engines that are built to have them."""

import itertools
import re

import numpy as np
import pytest

from tests.tiny import TinySynth, TinyTask
from unsynth.authoring.check import CheckProgress, CheckResult, _shuffled, check
from unsynth.authoring.check_page import write_page
from unsynth.errors import EngineError, OutputError


class Lingering(TinySynth):
    """Leaves a tenth of each sound in the next."""

    last: np.ndarray | float = 0.0

    def render(self, patch, note, seconds=4.0):
        sound = super().render(patch, note, seconds)
        mixed, self.last = sound + 0.1 * self.last, sound
        return np.float32(mixed)


class Stuck(TinySynth):
    """Holds a quiet note over from one sound to the next, now and then."""

    renders = 0

    def render(self, patch, note, seconds=4.0):
        sound = super().render(patch, note, seconds)
        self.renders += 1
        if self.renders % 5 == 0:
            sound += np.float32(0.003) * np.sin(np.arange(sound.shape[1], dtype=np.float32))
        return sound


class Silent(TinySynth):
    def render(self, patch, note, seconds=4.0):
        return 0.0 * super().render(patch, note, seconds)


class Fading(TinySynth):
    """Is audible only if the first oscillator is nearly at its loudest."""

    def render(self, patch, note, seconds=4.0):
        return (patch[0] > 15) * super().render(patch, note, seconds)


class Refusing(TinySynth):
    def render(self, patch, note, seconds=4.0):
        if patch[1] > 6:
            raise EngineError("no such ratio")
        return super().render(patch, note, seconds)


def run_check(synth, draws=12):
    *progress, result = check(TinyTask(synth), draws)
    assert isinstance(result, CheckResult)
    assert all(isinstance(p, CheckProgress) and p.done <= p.total for p in progress)
    return result


def test_good_task_has_no_problems(tmp_path):
    result = run_check(TinySynth)
    assert not result.problems and not result.remarks
    assert result.floor.max() == result.history.max() == 0.0 and result.others.mean() > 1.0
    facts = dict(result.facts())
    assert facts["audible"] == "12 of 12 draws (100 %)"
    assert facts["noise floor"].startswith("MSS 0.00 dB")
    assert facts["before the note"] == "-200 dB at most"
    page = tmp_path / "page.html"
    write_page(result, page)
    text = page.read_text(encoding="utf-8")
    assert "No problems" in text and text.count("<audio ") == 8
    assert text.count("data:image/png") == 2 + 8 and "osc2.decay" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(result, tmp_path / "no" / "page.html")


def test_tail_in_the_next_sound_is_a_problem():
    result = run_check(Lingering)
    assert result.floor.max() == 0.0 and result.history.mean() > 0.05
    assert any("depends on the sounds before it" in problem for problem in result.problems)


def test_a_sound_before_the_note_is_a_problem():
    result = run_check(Stuck)
    assert result.early.shape == (36,) and (result.early > -60).sum() == 6
    (problem,) = [each for each in result.problems if "before their note" in each]
    assert "6 of 36 renders sound before their note starts (at -53 dB)" in problem


def test_silent_engine_is_an_error():
    with pytest.raises(
        EngineError, match="none of 12 draws of task tiny can be heard: all are below"
    ):
        run_check(Silent)


def test_few_audible_draws_are_a_remark():
    result = run_check(Fading, 24)
    assert "draws can be heard" in result.remarks[0] and not result.problems


def test_failing_draws_are_counted():
    result = run_check(Refusing)
    assert "of 12 draws failed: EngineError: no such ratio" in result.problems[0]


def test_shuffling_changes_every_predecessor():
    for draws in (2, 5, 50):
        order = _shuffled(draws)
        assert sorted(order) == list(range(draws))
        assert all(b != a + 1 for a, b in itertools.pairwise(order))
