"""Tasks that a file declares: draws, controls, audibility, exchanges and errors.

The engine is a DX7 with three parallel operators, each with a level, a decay and a frequency.
"""

import math
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import chisquare

from tests.conftest import relative_error
from unsynth.errors import PatchError, TaskError
from unsynth.formats.syx import read_syx
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import is_task_file, load_task
from unsynth.tasks.declared.checks import Checks
from unsynth.tasks.declared.conditions import check_cycles
from unsynth.tasks.declared.declaration import ConditionDeclaration, ParameterDeclaration
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.parameter import Continuous, Integer
from unsynth.tasks.spec import Spec
from unsynth.tasks.task import Task

FILE = Path(__file__).with_name("small.yaml")
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
#: A value of ``solo``. In truth it sets the LFO's wave, not an operator, so sounds need it fixed.
SOLO = 2


@pytest.fixture(scope="module")
def small() -> DeclaredTask:
    task = load_task(str(FILE))
    assert isinstance(task, DeclaredTask)
    return task


@pytest.fixture(scope="module")
def draws(small: DeclaredTask) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([small.sample(rng) for _ in range(3000)])


def sound(task: DeclaredTask, patch: np.ndarray) -> np.ndarray:
    return task.synth().render(task.engine_patch(patch), task.note(patch))


def test_a_declared_task_can_be_loaded_from_its_source_and_pickled(small):
    assert isinstance(small, Task) and is_task_file(small.source)
    again = load_task(small.source)
    assert again.hash == small.hash and again.name == "three-sines"
    assert pickle.loads(pickle.dumps(small)).hash == small.hash
    assert len(small.spec.parameters) == 3 * 5 + 4 + 3


def test_encoding_draws_is_exact(small, draws):
    small.spec.check(draws)
    np.testing.assert_array_equal(small.spec.decode(small.spec.encode(draws)), draws)


def test_controls_have_declared_raw_values_and_convert_back(small, draws):
    patch = draws[0].copy()
    at = small.spec.position
    patch[at["op2.shape"]], patch[at["lfo.depth"]], patch[at["op3.level"]] = 0, 33, 77
    controls = small.engine_patch(patch)
    assert controls["op2.level3"] == 99 and controls["lfo.amp_depth"] == 99
    assert controls["op3.output_level"] == 77 and controls["algorithm"] == 31
    assert controls["op1.level4"] == 0 and len(controls) == 19 + 1 + 3
    for draw in draws[:50]:
        again = small.from_engine_patch(small.engine_patch(draw), small.note(draw))
        np.testing.assert_array_equal(again, draw)
    with pytest.raises(PatchError, match="algorithm is 3 in this patch, and always 31"):
        small.from_engine_patch(controls | {"algorithm": 3.0}, Note(60))
    with pytest.raises(PatchError, match=r"op3.output_level is 12 .* has 60 to 99"):
        small.from_engine_patch(controls | {"op3.output_level": 12.0}, Note(60))
    with pytest.raises(PatchError, match=r"op2.level3 is 50 in this patch; .* has 99, 0"):
        small.from_engine_patch(controls | {"op2.level3": 50.0}, Note(60))
    with pytest.raises(PatchError, match=r"has no op1\.coarse"):
        small.from_engine_patch({k: v for k, v in controls.items() if k != "op1.coarse"}, Note(60))


def test_exchanging_units_changes_neither_density_nor_sound(small, draws):
    rows = small.symmetries(draws[0])
    assert rows.shape == (6, small.spec.width)
    np.testing.assert_array_equal(rows[0], np.arange(small.spec.width))
    assert len(np.unique(rows, axis=0)) == 6
    for number, patch in enumerate(draws[:200]):
        x = small.spec.encode(patch[None])[0]
        images = small.spec.decode(x[rows])
        density = small.log_density(images)
        np.testing.assert_array_equal(density, density[0])
        if number < 6:
            images[:, small.spec.position["solo"]] = SOLO
            sounds = [sound(small, image) for image in images]
            assert max(relative_error(sounds[0], s) for s in sounds) < 1e-6


def test_choices_that_name_copies_are_exchanged_with_them(small, draws):
    at = small.spec.position
    patch = draws[0].copy()
    for op, coarse in enumerate((3, 5, 7), start=1):
        patch[at[f"op{op}.coarse"]] = coarse
    for solo in range(4):
        patch[at["solo"]] = solo
        for image in small.spec.decode(small.spec.encode(patch[None])[0][small.symmetries(patch)]):
            choice = int(image[at["solo"]])
            assert (choice == 0) == (solo == 0)
            if solo:
                assert image[at[f"op{choice}.coarse"]] == (3, 5, 7)[solo - 1]


def test_copies_are_exchanged_only_if_the_file_allows_it(small, draws):
    data = yaml.safe_load(FILE.read_text())
    at = small.spec.position
    patch = draws[0].copy()
    no_lfo = {"lfo.depth": [0]}
    for exchange, depth, images in (
        *((True, 5, 6), (False, 5, 1), (no_lfo, 5, 1), (no_lfo, 0, 6)),
        ({"lfo.depth": "> 3"}, 5, 6),
    ):
        data["units"][0]["exchange"] = exchange
        task = DeclaredTask(data, FILE.parent, str(FILE))
        patch[at["lfo.depth"]] = depth
        rows = task.symmetries(patch)
        assert len(rows) == images
        np.testing.assert_array_equal(rows, small.symmetries(patch)[:images])


def test_each_copy_may_have_its_own_raw_values(small, draws):
    data = yaml.safe_load(FILE.read_text())
    data["units"][0]["parameters"][2]["raw"] = [[99, 0], [98, 1], [97, 2]]
    task = DeclaredTask(data, FILE.parent, str(FILE))
    patch = draws[0].copy()
    at = small.spec.position
    patch[[at["op1.shape"], at["op2.shape"], at["op3.shape"]]] = 0, 0, 1
    controls = task.engine_patch(patch)
    assert [controls[f"op{n}.level3"] for n in (1, 2, 3)] == [99, 98, 2]
    again = task.from_engine_patch(controls, task.note(patch))
    np.testing.assert_array_equal(again, patch)


@pytest.mark.parametrize("name", ["op1.level", "op2.shape", "op3.coarse", "lfo.depth", "solo"])
def test_frequencies_of_draws_follow_the_density(small, draws, name):
    position = small.spec.position[name]
    values = np.unique(draws[:, position])
    patches = np.repeat(draws[:1], len(values), axis=0)
    patches[:, position] = values
    density = small.log_density(patches)
    expected = np.exp(density - np.logaddexp.reduce(density)) * len(draws)
    observed = [(draws[:, position] == value).sum() for value in values]
    assert chisquare(observed, expected).pvalue > 1e-3


def test_points_and_log_scales_have_the_declared_probabilities(small, draws):
    at = small.spec.position
    assert (draws[:, at["note.onset"]] == 0).mean() == pytest.approx(0.5, abs=0.03)
    long = math.log(6 / 3) / math.log(6 / 0.05)
    assert (draws[:, at["note.duration"]] > 3).mean() == pytest.approx(long, abs=0.03)
    patches = np.repeat(draws[:1], 5951, axis=0)
    patches[:, at["note.duration"]] = np.arange(50, 6001) / 1000
    p = np.exp(small.log_density(patches) - np.logaddexp.reduce(small.log_density(patches)))
    assert p[2951:].sum() == pytest.approx(long, abs=0.01)
    outside = small.with_note(draws[0], Note(20, 0.0, 2.0))
    assert small.log_density(outside[None])[0] == -np.inf
    for duration, clipped in ((7.0, 6.0), (0.001, 0.05)):
        assert small.note(small.with_note(draws[0], Note(60, 0.0, duration))).duration == clipped


def test_inactive_parameters_do_not_change_the_sound(small, draws):
    at = small.spec.position
    inactive = 0
    for patch, other in zip(draws[:40].copy(), draws[40:80].copy(), strict=True):
        patch[at["solo"]] = other[at["solo"]] = SOLO
        other[at["transposed"]] = patch[at["transposed"]] = 24  # declared inert here, but audible
        other[-1] = 6.0
        active = small.active(patch)
        changed = np.where(active, patch, other)
        original = sound(small, patch)
        assert relative_error(original, sound(small, changed)) == 0
        assert relative_error(original, sound(small, small.neutral(patch))) == 0
        inactive += int((~active).sum())
    assert inactive > 70


def test_a_condition_on_an_inaudible_parameter_does_not_hold(small, draws):
    at = small.spec.position
    patch = draws[0].copy()
    patch[[at["op1.wobble"], at["op2.wobble"], at["op3.wobble"]]] = 0
    patch[at["lfo.depth"]] = 20
    assert not small.active(patch)[[at["lfo.depth"], at["lfo.speed"], at["transposed"]]].any()
    patch[at["op2.wobble"]] = 1
    assert small.active(patch)[[at["lfo.depth"], at["lfo.speed"]]].all()
    patch[at["lfo.depth"]], patch[at["lfo.speed"]] = 0, 11
    assert not small.active(patch)[at["lfo.speed"]]
    assert small.neutral(patch)[at["lfo.speed"]] == 35
    assert "lfo.speed" not in small.musical(patch) and small.musical(patch)["note"]["velocity"]
    assert small.active(small.with_note(patch, Note(60, 0.5, 6.0)))[-3:].tolist() == [1, 1, 0]


def test_exported_files_are_numbered_by_rank(small, draws, tmp_path):
    paths = small.export(draws[:2], tmp_path)
    assert [path.name for path in paths] == ["patch-01.syx", "patch-02.syx"]
    voice = read_syx(paths[1].read_bytes()).voices[0]
    expected = sound(small, draws[1])
    again = load_task("dx7").synth().render(voice, small.note(draws[1]))
    np.testing.assert_array_equal(again, expected)


def test_note_within_draws_uniform_starts_and_ends():
    data = yaml.safe_load(FILE.read_text())
    data["note_within"] = 4.0
    data["note"][1:] = [
        {"name": "note.onset", "kind": "continuous", "low": 0, "high": 4, "step": 0.001},
        {"name": "note.duration", "kind": "continuous", "low": 0.001, "high": 4, "step": 0.001},
    ]
    task = DeclaredTask(data, FILE.parent, str(FILE))
    rng = np.random.default_rng(0)
    draws = np.stack([task.sample(rng) for _ in range(2000)])
    start, end = draws[:, -2], draws[:, -2] + draws[:, -1]
    assert end.max() <= 4.001 and draws[:, -1].min() > 0
    assert start.mean() == pytest.approx(4 / 3, abs=0.07)
    assert end.mean() == pytest.approx(8 / 3, abs=0.07)
    density = task.log_density(np.stack([task.with_note(draws[0], n) for n in (
        Note(60, 0.0, 4.0), Note(60, 3.0, 0.5), Note(60, 3.0, 1.5))]))  # fmt: skip
    assert density[0] == density[1] and density[2] == -np.inf


def error_after(change) -> str:
    """Return the error of the file after a change to its content."""
    data = yaml.safe_load(FILE.read_text())
    change(data)
    with pytest.raises(TaskError) as error:
        DeclaredTask(data, FILE.parent, "small.yaml")
    text = str(error.value)
    assert text.startswith("small.yaml: ") and "\n" not in text
    return text


def test_errors_in_a_file_are_one_line_with_the_nearest_key():
    def op(number: int, **fields):
        return lambda data: data["units"][0]["parameters"][number].update(fields)

    assert "nearest is 'units'" in error_after(lambda d: d.update(unit=[]))
    assert "nearest is 'control'" in error_after(op(0, controll="x"))
    assert "nearest is 'op1.output_level'" in error_after(op(0, control="op{n}.output_levl"))
    assert "it takes 0 to 99" in error_after(op(0, raw=[0, 120]))
    assert "nearest is 'shape'" in error_after(op(1, heard={"shap": ["falling"]}))
    assert "nearest is 'falling'" in error_after(op(1, heard={"shape": ["fallin"]}))
    assert "needs 2 numbers" in error_after(op(2, weights=[1]))
    assert "kind 'catgorical'" in error_after(op(2, kind="catgorical"))
    assert "'x' is not a number" in error_after(op(2, raw=[0, "x"]))
    assert "add up to 1" in error_after(op(0, points={60: 0.7, 61: 0.7}))
    assert "is set twice" in error_after(op(0, control="lfo.speed"))
    assert "only the copies of a unit" in error_after(
        lambda d: d["parameters"][0].update(control="op{n}.level1")
    )
    assert "depends on itself" in error_after(op(2, heard={"decay": "> 3"}))
    assert "note.pitch" in error_after(lambda d: d["note"].pop())
    assert "'dx8' is not known; the nearest is 'dx7'" in error_after(
        lambda d: d.update(synth="dx8")
    )
    assert "equally likely" in error_after(
        lambda d: d["parameters"][2].update(weights=[1, 1, 2, 1])
    )
    assert "each of the 3 copies" in error_after(
        lambda d: d["parameters"][2].update(copies={"op": {"first": 1}})
    )
    assert "synth dx7 has no settings" in error_after(lambda d: d.update(engine={"plugin": "x"}))
    assert "more than 10000" in error_after(lambda d: d["units"][0].update(count=8))
    assert "is not a mapping" in error_after(lambda d: d.update(fixed=[1]))
    assert "has 2 lists, not one for each copy" in error_after(op(2, raw=[[99, 0], [98, 1]]))
    assert "only on parameters outside units" in error_after(
        lambda d: d["units"][0].update(exchange={"op1.shape": ["steady"]})
    )
    assert "nearest is 'lfo.depth'" in error_after(
        lambda d: d["units"][0].update(exchange={"lfo.dept": [0]})
    )
    assert "Three Sines" in error_after(lambda d: d.update(task="Three Sines"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("units/0/count", 1_000_000, "more than 10000 ways"),
        ("units/0/count", True, "count True is not a whole number"),
        ("parameters/0/high", 10**11, "more than 65,536 values"),
        ("parameters/0/high", 1e11, "whole numbers"),
        ("parameters/0/low", True, "low: True is not a number"),
        ("parameters/0/unit", 3, "unit: 3 is not text"),
        ("units/0/parameters/1/high", 1e300, "is not within -1e"),
        ("units/0/parameters/1/step", 5.0, "not 1 divided by a whole number"),
        ("units/0/parameters/1/step", 0.3, "not 1 divided by a whole number"),
        ("units/0/parameters/1/step", 1e-320, "not 1 divided by a whole number"),
        ("units/0/parameters/1/log", "yes", "log: 'yes' is not true or false"),
        ("units/0/parameters/2/choices", "steady", "choices: 'steady' is not a list"),
        ("units/0/parameters/2/choices/1", [1] * 9999, "is not a name"),
        ("units/0/parameters/2/choices", list(range(2000)), "2000 choices, at most 1,024"),
        ("units/0/parameters/2/weights", [1e300, 1.0], "larger than 1e+12"),
        ("units/0/parameters/0/control", "x" * 9999, "more than 200 characters"),
        ("units/0/parameters/1/heard", {"*" * 40: [1]}, "more than one *"),
        ("units/0/parameters/1/heard/shape/0", "x" * 10**6, "more than 200 characters"),
        ("note/0/high", 10_000, "note.pitch: 36 to 10000 is not within 0 to 127"),
        ("note/1/high", 1e9, "times of up to 60 s"),
        ("note_within", 0.01, "hardly any note of 0.05 s or more"),
        ("note_within", -1.0, "hardly any note"),
        ("task", "x" * 100, "up to 64 lowercase"),
        ("engine", {1: 2}, "1 is not the name of a setting"),
    ],
)
def test_values_beyond_a_limit_are_one_short_line(path, value, message):
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]

    def change(content):
        for parent in parents:
            content = content[parent]
        content[last] = value

    text = error_after(change)
    assert message in text and len(text) < 400


def test_a_long_chain_of_conditions_is_no_circle():
    declared = [
        ParameterDeclaration(
            None, None, (), (), ((ConditionDeclaration((max(0, i - 1),)),),), False, 0.0, None
        )
        for i in range(3000)
    ]
    spec = Spec(tuple(Integer(f"a{i}", 0, 1) for i in range(3000)))
    with pytest.raises(TaskError, match="a0: heard: depends on itself"):
        check_cycles(Checks("x"), spec, declared)
    check_cycles(Checks("x"), spec, [replace(declared[0], audible_if=()), *declared[1:]])


def test_files_that_describe_no_task_are_refused(tmp_path):
    with pytest.raises(TaskError, match="cannot be read"):
        load_task(str(tmp_path / "none.yaml"))
    broken = tmp_path / "broken.yaml"
    broken.write_text("task: [")
    with pytest.raises(TaskError, match="not YAML"):
        load_task(str(broken))
    for text in ("task: !!int x", "[" * 5000, "task: a\ntask: b"):
        broken.write_text(text)
        with pytest.raises(TaskError, match=r"cannot be read: line \d") as error:
            load_task(str(broken))
        assert len(str(error.value)) < 400
    broken.write_text("- 3")
    with pytest.raises(TaskError, match="not a mapping"):
        load_task(str(broken))
    broken.write_text(FILE.read_text().replace("three-sines", "dx7"))
    with pytest.raises(TaskError, match="one of unsynth's own"):
        load_task(str(broken))


def test_the_ends_of_a_continuous_range_have_half_the_probability(small):
    """Draws round to the nearest step, and only half a step rounds to an end of the range."""
    level = Continuous("x", 0.0, 1.0, 0.25)
    data = yaml.safe_load(FILE.read_text())
    data["parameters"][0] = {
        **{"name": "lfo.depth", "kind": "continuous", "low": 0.0, "high": 1.0, "step": 0.25},
        **{"control": "lfo.amp_depth", "raw": [0, 99]},
    }
    data["parameters"][1].pop("heard")
    task = DeclaredTask(data, FILE.parent, "x")
    rng = np.random.default_rng(3)
    at = task.spec.position["lfo.depth"]
    values = np.stack([task.sample(rng) for _ in range(4000)])[:, at]
    shares = [(values == v).mean() for v in np.arange(5) / 4]
    np.testing.assert_allclose(shares, [0.125, 0.25, 0.25, 0.25, 0.125], atol=0.025)
    assert level.valid(values).all()
