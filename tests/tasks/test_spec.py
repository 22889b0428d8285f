import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unsynth.errors import PatchError, TaskError
from unsynth.tasks.parameter import Categorical, Continuous, Integer
from unsynth.tasks.spec import Spec

SPEC = Spec(
    (
        Integer("level", -7, 99),
        Categorical("wave", ("sine", "saw", "square")),
        Continuous("time", 0.05, 6.0, 0.001, log=True),
        Continuous("onset", 0.0, 1.0, 0.001),
    )
)


def patches(seed: int, items: int = 20) -> np.ndarray:
    rng = np.random.default_rng(seed)
    columns = [
        rng.integers(-7, 100, items),
        rng.integers(0, 3, items),
        rng.integers(50, 6001, items) / 1000,
        rng.integers(0, 1001, items) / 1000,
    ]
    return np.stack(columns, axis=1).astype(float)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_decode_undoes_encode_with_and_without_noise(seed):
    original = patches(seed)
    middle = SPEC.encode(original)
    noisy = SPEC.encode(original, np.random.default_rng(seed))
    assert middle.shape == (20, SPEC.width) == (20, 6)
    assert np.abs(middle).max() <= 1 and np.abs(noisy).max() <= 1
    np.testing.assert_array_equal(SPEC.decode(middle), original)
    np.testing.assert_array_equal(SPEC.decode(noisy), original)
    np.testing.assert_array_equal(SPEC.decode(middle.astype(np.float32).astype(float)), original)


def test_dequantised_integers_are_uniform():
    repeated = np.repeat(patches(0, 1), 4000, axis=0)
    repeated[:, 0] = 40
    x = SPEC.encode(repeated, np.random.default_rng(0))[:, 0]
    step = 2 / 107
    middle = SPEC.encode(repeated[:1])[0, 0]
    counts, _ = np.histogram(x, bins=10, range=(middle - step / 2, middle + step / 2))
    assert counts.sum() == 4000 and counts.min() > 320


def test_vectors_outside_the_cube_decode_to_the_nearest_patch():
    low, high = SPEC.decode(np.array([[-9.0, -5, -2, -3, -7, -7], [9.0, 1, 2, 3, 7, 7]]))
    assert low.tolist() == [-7, 1, 0.05, 0]
    assert high.tolist() == [99, 2, 6, 1]


def test_named_values_round_trip():
    for patch in patches(3):
        np.testing.assert_array_equal(SPEC.from_named(SPEC.named(patch)), patch)
    named = SPEC.named(patches(3)[0])
    with pytest.raises(PatchError, match="colour"):
        SPEC.from_named({**named, "colour": 1})
    with pytest.raises(PatchError, match="triangle"):
        SPEC.from_named({**named, "wave": "triangle"})
    with pytest.raises(PatchError, match="loud"):
        SPEC.from_named({**named, "level": "loud"})
    with pytest.raises(PatchError, match=r"level.*100"):
        SPEC.from_named({**named, "level": 100})


def test_values_out_of_range_are_refused_by_name():
    for column, value in [(0, 100), (0, 1.5), (1, 3), (2, 0.0), (3, np.nan)]:
        wrong = patches(1)
        wrong[3, column] = value
        with pytest.raises(PatchError, match=SPEC.names[column]):
            SPEC.encode(wrong)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("parameters: [{name: a, low: 3, high: 3}]", "a: low 3"),
        ("parameters: [{name: a, low: 0, hgih: 3}]", "a: .*hgih"),
        ("parameters: [{name: a, low: 0}]", "a: .*high"),
        ("parameters: [{name: a, low: zero, high: 3}]", "'zero' is not a number"),
        ("units: [{name: a}]", "does not describe"),
        ("parameters: [", "does not describe"),
        ("parameters: [{name: a, kind: knob}]", "knob"),
        ("parameters: [{name: a, kind: categorical, choices: [x]}]", "two or more"),
        ("parameters: [{name: a, low: 0, high: 3}, {name: a, low: 0, high: 3}]", "twice: a"),
        ("parameters: [{name: a, kind: continuous, low: 0, high: 3, step: 1, log: true}]", "above"),
    ],
)
def test_errors_in_a_spec_name_the_reason(text, reason):
    with pytest.raises(TaskError, match=reason):
        Spec.from_yaml(text)


def test_copies_of_a_unit_have_the_same_order():
    spec = Spec.from_yaml(
        "units: [{name: op, count: 2, parameters: [{name: a, low: 0, high: 1},"
        " {name: b, kind: categorical, choices: [x, y]}]}]\n"
        "parameters: [{name: c, low: 0, high: 9}]"
    )
    assert spec.names == ("op1.a", "op1.b", "op2.a", "op2.b", "c")
    assert spec.units[0].members == ((0, 1), (2, 3))
    assert [s.start for s in spec.slices] == [0, 1, 3, 4, 6]


@pytest.mark.parametrize("position", range(4))
def test_a_patch_is_valid_where_each_of_its_parameters_says_so(position):
    values = [-8.0, -7.0, 0.0, 0.05, 0.5, 1.0, 2.0, 3.0, 6.0, 6.1, 99.0, 100.0, np.nan, np.inf]
    for value in values:
        patch = patches(0, 1)
        patch[0, position] = value
        if SPEC.parameters[position].valid(np.array([value])).all():
            SPEC.check(patch)
        else:
            with pytest.raises(PatchError, match=SPEC.names[position]):
                SPEC.check(patch)
