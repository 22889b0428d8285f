"""Conditions from observations, and their words."""

from collections.abc import Callable

import numpy as np
import pytest

from unsynth.symmetry.conditions import Observations, describe, find_conditions, meet
from unsynth.tasks.exchange import Condition
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.spec import Patch, Spec

SPEC = Spec(
    (
        Categorical("algorithm", tuple(str(i) for i in range(1, 33))),
        Integer("feedback", 0, 7),
        Integer("level", 0, 99),
        Continuous("ranges", -1.0, 1.0, 0.001),
    )
)
SHARED = (0, 1, 2, 3)


def draw(rng: np.random.Generator) -> Patch:
    feedback = 0 if rng.random() < 0.5 else rng.integers(0, 8)
    return np.array([rng.integers(32), feedback, rng.integers(100), rng.uniform(-1, 1)])


def observe(rule: Callable[[Patch], bool], count: int = 800) -> Observations:
    rng = np.random.default_rng(0)
    patches = np.stack([draw(rng) for _ in range(count)])
    return Observations(patches, np.array([rule(patch) for patch in patches]))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda p: True, "always"),
        (lambda p: p[0] in (4, 21, 31), "algorithm is 5, 22 or 32"),
        (lambda p: p[1] == 0, "feedback is 0"),
        (
            lambda p: p[0] in (4, 21, 31) and p[1] == 0,
            "algorithm is 5, 22 or 32 and feedback is 0",
        ),
        (lambda p: p[0] != 6, "algorithm is not 7"),
        (lambda p: p[2] >= 60, "level is at least 60"),
    ],
    ids=["always", "category", "number", "both", "not", "range"],
)
def test_rules_are_found_and_said(rule: Callable[[Patch], bool], words: str) -> None:
    assert describe(find_conditions(observe(rule), SPEC, SHARED), SPEC) == words


def test_two_ways_are_two_groups() -> None:
    seen = observe(lambda p: p[0] in (2, 3) or (p[0] in (7, 8, 9) and p[1] == 0))
    groups = find_conditions(seen, SPEC, SHARED)
    assert {describe([group], SPEC) for group in groups} == {
        "algorithm is 3 or 4",
        "algorithm is 8, 9 or 10 and feedback is 0",
    }


def test_a_continuous_bound_holds_nothing_that_was_not_tried() -> None:
    seen = observe(lambda p: p[3] <= 0.0)
    ((condition,),) = find_conditions(seen, SPEC, SHARED)
    assert -0.05 < condition.high <= 0.0


@pytest.mark.parametrize("seed", range(8))
def test_a_single_number_makes_one_range(seed: int) -> None:
    """The class weights of the tree are rounded, which must not cut the range in two."""
    values = np.random.default_rng(seed).uniform(-1.0, 1.0, (640, 1))
    spec = Spec((Continuous("ranges", -1.0, 1.0, 0.001),))
    ((condition,),) = find_conditions(Observations(values, values[:, 0] <= 0.0), spec, (0,))
    assert condition.low == -np.inf


def test_chance_makes_no_condition_on_what_is_not_shared() -> None:
    seen = observe(lambda p: p[1] == 0)
    assert find_conditions(seen, SPEC, (0,)) == ()
    assert find_conditions(observe(lambda p: False), SPEC, SHARED) == ()


def test_a_noisy_engine_may_fail_now_and_then() -> None:
    rng = np.random.default_rng(1)
    exact = observe(lambda p: p[1] == 0)
    noisy = Observations(exact.patches, exact.same & (rng.random(len(exact.same)) > 0.01))
    assert describe(find_conditions(noisy, SPEC, SHARED, 0.95), SPEC) == "feedback is 0"


def test_patches_are_made_to_meet_a_group() -> None:
    rng = np.random.default_rng(0)
    group = (
        Condition(0, choices=frozenset({4, 21})),
        Condition(2, low=60.0),
        Condition(3, high=0.1),
    )
    patches = [meet(group, draw(rng), SPEC, number, rng) for number in range(40)]
    assert all(condition.holds(patch) for patch in patches for condition in group)
    assert {int(patch[0]) for patch in patches} == {4, 21}
    SPEC.check(np.stack(patches))
