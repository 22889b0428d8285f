"""Which exchanges are proposed."""

import math
from itertools import permutations

import numpy as np
import pytest

from unsynth.symmetry.candidates import (
    Candidate,
    categories,
    column_candidates,
    unit_candidates,
    value_candidates,
    with_units,
)
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.exchange import ChoiceSwap, Symmetry, images
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.spec import Spec, Unit


def spec(copies: int) -> Spec:
    parameters = tuple(
        Integer(f"{name}{i}", 0, 9) for i in range(copies) for name in ("level", "pitch")
    )
    return Spec(parameters, (Unit("osc", tuple((2 * i, 2 * i + 1) for i in range(copies))),))


def test_involutions_of_six_copies_are_all_there() -> None:
    candidates = unit_candidates(spec(6))
    involutions = {
        order
        for order in permutations(range(6))
        if all(order[order[i]] == i for i in range(6)) and order != tuple(range(6))
    }
    assert len(candidates) == len(involutions) == 75
    patch = np.repeat(np.arange(6.0), 2)
    orders = {tuple(c.exchange.apply(patch)[::2]) for c in candidates}
    assert len(orders) == 75


def test_stacks_alone_generate_their_wreath_product() -> None:
    """Three stacks of two: 3! orders, from the exchanges of whole stacks only."""
    six = spec(6)
    patch = np.array([value for i in range(6) for value in (float(i), 0.0)])

    def keeps_stacks(candidate: Candidate) -> bool:
        owners = candidate.exchange.apply(patch)[::2].astype(int).tolist()
        return {(owners[i], owners[i + 1]) for i in (0, 2, 4)} == {(0, 1), (2, 3), (4, 5)}

    kept = [candidate for candidate in unit_candidates(six) if keeps_stacks(candidate)]
    assert len(kept) == 3
    assert len(images([Symmetry(c.exchange) for c in kept], six, patch)) == math.factorial(3)


def test_overwriting_shows_whether_a_part_can_be_heard() -> None:
    candidate = unit_candidates(spec(2))[0]
    first, second = candidate.copies(np.array([1.0, 2.0, 3.0, 4.0]))
    assert first.tolist() == [3.0, 4.0, 3.0, 4.0]
    assert second.tolist() == [1.0, 2.0, 1.0, 2.0]


def test_columns_pair_the_same_parameter_of_two_copies() -> None:
    names = [candidate.exchange.name for candidate in column_candidates(spec(3))]
    assert names == [
        f"{part}{a} and {part}{b}"
        for part in ("level", "pitch")
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]


def test_units_are_proposed_from_names_where_there_are_none() -> None:
    names = ("osc_1_level", "osc_1_pitch", "osc_2_level", "osc_2_pitch", "volume")
    proposed = with_units(Spec(tuple(Continuous(name, 0.0, 1.0, 0.001) for name in names)))
    assert proposed.units == (Unit("osc", ((0, 1), (2, 3))),)
    # Blocks of parameters that take other values are no copies.
    other = Spec(tuple(Continuous(n, 0.0, 1.0 + ("2" in n), 0.001) for n in names))
    assert not with_units(other).units


def test_choices_are_paired_and_a_units_categories_counted_once() -> None:
    waves = tuple(Categorical(f"wave{i}", ("sine", "saw", "square")) for i in (1, 2))
    twice = Spec((*waves, Categorical("mode", ("a", "b"))), (Unit("osc", ((0,), (1,))),))
    assert categories(twice) == [0, 2]
    swaps = [candidate.exchange.choice_swaps for candidate in value_candidates(twice, 0)]
    assert swaps == [(ChoiceSwap(0, pair),) for pair in ((0, 1), (0, 2), (1, 2))]


@pytest.mark.parametrize("choices", [("filter 1", "Filter 2", "1+2"), ("Flt-1", "Flt-2", "both")])
def test_choices_that_name_copies_change_with_them(choices: tuple[str, ...]) -> None:
    cutoffs = (Continuous(f"flt{i}.{n}", 0.0, 1.0, 0.001) for i in (1, 2) for n in ("cut", "q"))
    spec = Spec(
        (*cutoffs, Categorical("to", choices), Categorical("mode", ("1", "2"))),
        (Unit("filter", ((0, 1), (2, 3))),),
    )
    (candidate,) = unit_candidates(spec)
    assert candidate.exchange.choice_swaps == (ChoiceSwap(4, (0, 1)),)


@pytest.mark.parametrize("name", ["vital-full", "surge-full"])
def test_choices_that_a_task_file_says_name_copies_are_found(name: str) -> None:
    """The file lists them under ``copies``; the laboratory has their names alone."""
    task = load_task(name)
    exchanges = {c.exchange.name: c.exchange for c in unit_candidates(task.spec)}
    filters = exchanges.pop("filter 1 and 2")
    categories = {task.spec.names[swap.category] for swap in filters.choice_swaps}
    assert len(categories) == {"vital-full": 4, "surge-full": 6}[name]
    assert not any(exchange.choice_swaps for exchange in exchanges.values())
    rng, row = np.random.default_rng(0), filters.row(task.spec)
    declared = (task.symmetries(task.sample(rng)) for _ in range(100))
    assert any((images == row).all(axis=1).any() for images in declared)
