"""Exchanges of parts of a patch, their conditions, their products and their file."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from unsynth.errors import TaskError
from unsynth.tasks.exchange import (
    ChoiceSwap,
    Condition,
    Exchange,
    Kind,
    Symmetry,
    SymmetryFile,
    images,
    read_symmetry_file,
)
from unsynth.tasks.parameter import Categorical, Integer
from unsynth.tasks.spec import Spec, Unit

SPEC = Spec(
    (
        *(Integer(f"{part}{i}", 0, 9) for i in (1, 2, 3) for part in ("level", "pitch")),
        Categorical("routing", ("off", "on", "both")),
    ),
    (Unit("osc", ((0, 1), (2, 3), (4, 5))),),
)
PATCH = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0])


def units(a: int, b: int) -> Exchange:
    swaps = tuple(zip(SPEC.units[0].members[a], SPEC.units[0].members[b], strict=True))
    return Exchange(Kind.UNITS, f"{a} and {b}", swaps)


OFF_AND_BOTH = (ChoiceSwap(6, (0, 2)),)
VALUES = Exchange(Kind.VALUES, "off and both", choice_swaps=OFF_AND_BOTH)
NAMED = Exchange(Kind.UNITS, "0 and 2, named", units(0, 2).swaps, OFF_AND_BOTH)


@pytest.mark.parametrize("exchange", [units(0, 2), VALUES, NAMED], ids=["units", "values", "named"])
def test_the_row_of_coordinates_and_the_patch_agree(exchange: Exchange) -> None:
    x = SPEC.encode(PATCH[None])[0]
    decoded = SPEC.decode(x[exchange.row(SPEC)][None])[0]
    np.testing.assert_array_equal(decoded, exchange.apply(PATCH))
    np.testing.assert_array_equal(exchange.apply(exchange.apply(PATCH)), PATCH)
    assert exchange.moves(PATCH)


def test_choices_of_swapped_categories_change_places_too() -> None:
    """Each copy of a unit has a category whose choices name the copies."""
    spec = Spec(
        tuple(Categorical(f"source{i}", ("none", "1", "2")) for i in (1, 2)),
        (Unit("osc", ((0,), (1,))),),
    )
    named = tuple(ChoiceSwap(category, (1, 2)) for category in (0, 1))
    exchange = Exchange(Kind.UNITS, "1 and 2", ((0, 1),), named)
    patch = np.array([2.0, 0.0])  # The second modulates the first.
    assert exchange.apply(patch).tolist() == [0.0, 1.0]
    x = spec.encode(patch[None])[:, exchange.row(spec)]
    assert spec.decode(x)[0].tolist() == [0.0, 1.0]


def test_a_value_that_is_not_exchanged_stays() -> None:
    patch = PATCH.copy()
    patch[6] = 1.0
    assert not VALUES.moves(patch)


def test_two_pairs_generate_all_orders_of_three() -> None:
    found = images([Symmetry(units(0, 1)), Symmetry(units(1, 2))], SPEC, PATCH)
    assert found[0].tolist() == list(range(SPEC.width))
    decoded = {tuple(SPEC.decode(SPEC.encode(PATCH[None])[:, row])[0]) for row in found}
    assert len(found) == len(decoded) == math.factorial(3)


def test_conditions_are_asked_again_in_the_exchanged_patch() -> None:
    """Off and both are one; where it is both, oscillators may be exchanged."""
    both = ((Condition(6, choices=frozenset({2})),),)
    found = images([Symmetry(VALUES), Symmetry(units(0, 1), both)], SPEC, PATCH)
    decoded = {tuple(SPEC.decode(SPEC.encode(PATCH[None])[:, row])[0]) for row in found}
    assert len(decoded) == 4
    on = PATCH.copy()
    on[6] = 1.0
    assert len(images([Symmetry(VALUES), Symmetry(units(0, 1), both)], SPEC, on)) == 1


def test_a_condition_on_a_number_includes_its_ends() -> None:
    condition = Condition(0, low=1.0, high=3.0)
    assert [condition.holds_for(value) for value in (0.0, 1.0, 3.0, 4.0)] == [
        False,
        True,
        True,
        False,
    ]


def test_too_many_products_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unsynth.tasks.exchange.MOST_IMAGES", 3)
    with pytest.raises(TaskError, match="more than 3 exchanges"):
        images([Symmetry(units(0, 1)), Symmetry(units(1, 2))], SPEC, PATCH)


def file_content() -> dict[str, object]:
    return {
        "format": "unsynth symmetry 2",
        "task": "test",
        "hash": "0",
        "seed": 0,
        "pairs": 16,
        "units": [{"name": "osc", "members": [["level1", "pitch1"], ["level2", "pitch2"]]}],
        "exchanges": [
            {
                "kind": "units",
                "name": "osc 1 and 2",
                "swaps": [["level1", "level2"], ["pitch1", "pitch2"]],
                "verdict": "conditional",
                "tried": 16,
                "same": 8,
                "conditions": [[{"parameter": "routing", "choices": ["on", "both"]}]],
                "keeps_prior": True,
            },
            {
                "kind": "values",
                "name": "routing off and on",
                "choice_swaps": [{"category": "routing", "choices": ["off", "on"]}],
                "verdict": "exact",
                "tried": 16,
                "same": 16,
                "keeps_prior": False,
            },
        ],
    }


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_file_gives_the_exchanges_that_keep_sound_and_prior(tmp_path: Path) -> None:
    file = read_symmetry_file(write(tmp_path / "symmetry.json", file_content()))
    assert isinstance(file, SymmetryFile)
    (symmetry,) = file.symmetries(SPEC)
    assert symmetry.exchange.swaps == ((0, 2), (1, 3))
    assert not symmetry.holds(PATCH)
    on = PATCH.copy()
    on[6] = 1.0
    assert symmetry.holds(on)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "unsynth symmetry 1", "format"),
        ("pairs", "many", "pairs"),
        ("exchanges", [{"kind": "rotation"}], "kind"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, key: str, value: object, message: str) -> None:
    path = write(tmp_path / "symmetry.json", file_content() | {key: value})
    with pytest.raises(TaskError, match=message) as caught:
        read_symmetry_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_names_of_another_task_are_refused(tmp_path: Path) -> None:
    file = read_symmetry_file(write(tmp_path / "symmetry.json", file_content()))
    with pytest.raises(TaskError, match="no parameter named 'level1'"):
        file.symmetries(Spec((Integer("volume", 0, 9),)))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="cannot be read"):
        read_symmetry_file(tmp_path / "none.json")
