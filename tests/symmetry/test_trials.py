"""When two sounds are the same."""

import numpy as np
import pytest

from tests.symmetry.planted import Planted
from unsynth.errors import TaskError
from unsynth.symmetry.subject import KOscSubject, TaskSubject, load_subject
from unsynth.symmetry.trials import Trial, compare_choices, is_same, run_trials
from unsynth.tasks.parameter import Continuous


def test_a_difference_of_80_db_is_the_limit() -> None:
    sound = np.random.default_rng(0).standard_normal((1, 8000)).astype(np.float32)
    assert is_same(sound, sound * (1 + 0.9e-4))
    assert not is_same(sound, sound * (1 + 1.1e-4))
    # A click between the samples that are compared first.
    clicked = sound.copy()
    clicked[0, 3] += 1.0
    assert not is_same(sound, clicked)


def test_variants_are_compared_with_their_own_patch() -> None:
    subject = Planted()
    rng = np.random.default_rng(0)
    patches = [subject.sample(rng) for _ in range(3)]
    trials = [
        Trial(patch, [patch, patches[i - 1], patch], measured=True)
        for i, patch in enumerate(patches)
    ]
    for result in run_trials(subject, trials):
        assert [outcome is not None and outcome.same for outcome in result.outcomes] == [
            True,
            False,
            True,
        ]
        other = result.outcomes[1]
        assert other is not None and other.distance is not None and other.distance > 1.0


def test_a_silent_patch_has_no_outcome() -> None:
    subject = Planted()
    silent = np.array([0.0, 0.5, 0.0, 0.5, 0.0])
    (result,) = run_trials(subject, [Trial(silent, [silent])])
    assert result.sound is None and result.outcomes == [None]
    assert list(compare_choices(subject, [[silent, silent]])) == [None]


def test_louder_is_not_the_same_even_though_mss_ignores_levels() -> None:
    subject = Planted(noise=1e-4, deterministic=False)
    patch = np.array([0.2, 0.5, 0.2, 0.7, 0.0])
    louder = patch * np.array([1.5, 1.0, 1.5, 1.0, 1.0])
    (result,) = run_trials(subject, [Trial(patch, [louder, patch])])
    changed, again = result.outcomes
    assert changed is not None and not changed.same
    assert again is not None and again.same and len(result.floor) == 2


def test_choices_are_compared_with_one_another() -> None:
    subject = Planted()
    group = [np.array([0.5, 0.2, 0.5, 0.7, float(choice)]) for choice in range(4)]
    ((same,)) = compare_choices(subject, [group])
    assert same is not None
    assert [tuple(pair) for pair in np.argwhere(np.triu(same, 1))] == [(0, 3)]


def test_kosc_variants_and_tasks_are_loaded_by_name() -> None:
    subject = load_subject("kosc-4-dial-0.3")
    assert isinstance(subject, KOscSubject) and len(subject.spec.parameters) == 12
    chosen = load_subject("kosc-2-conditional").spec.parameters[-1]
    assert isinstance(chosen, Continuous) and chosen.name == "ranges"
    task = load_subject("dx7", 1)
    assert isinstance(task, TaskSubject) and len(task.note) == 3
    task.close()


@pytest.mark.parametrize("name", ["kosc", "kosc-1", "kosc-9", "kosc-4-dial-2", "kosc-4-loud"])
def test_other_koscs_are_one_line_errors(name: str) -> None:
    with pytest.raises(TaskError, match="choose kosc-K"):
        load_subject(name)
