"""The dx7 task's audibility, exchanges and voices, checked against the engine."""

import pickle

import numpy as np
import pytest

from tests.conftest import relative_error
from unsynth.errors import PatchError, TaskError
from unsynth.formats.syx import init_voice, read_syx
from unsynth.synths.base import Note
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.task import DX7Task
from unsynth.tasks.task import Task


def special_draws(task: DX7Task, count: int, seed: int) -> list[np.ndarray]:
    """Draw patches with more silent operators, flat envelopes and idle LFOs than in the prior."""
    rng = np.random.default_rng(seed)
    at = task.spec.position
    draws = []
    for i in range(count):
        patch = task.sample(rng)
        if i % 2:
            for op in range(1, 7):
                if rng.random() < 0.35:
                    patch[at[f"op{op}.output_level"]] = rng.integers(0, 2)
                if rng.random() < 0.15:
                    first = at[f"op{op}.level1"]
                    patch[first : first + 4] = rng.integers(0, 2)
                if rng.random() < 0.3:
                    patch[at[f"op{op}.level2"]] = patch[at[f"op{op}.level3"]]
                if rng.random() < 0.3:
                    patch[at[f"op{op}.mode"]] = 1
            for name in ("feedback", "lfo.pitch_depth", "lfo.pitch_sensitivity", "lfo.amp_depth"):
                if rng.random() < 0.4:
                    patch[at[name]] = 0
        if i % 5 == 0:
            patch[at["algorithm"]] = rng.choice([3, 5])
        patch[at["note.onset"]] = 0.0
        draws.append(patch)
    return draws


def sound(task: DX7Task, patch: np.ndarray) -> np.ndarray:
    return task.synth().render(task.engine_patch(patch), task.note(patch), 4.0)


def leak(task: DX7Task, patch: np.ndarray) -> float:
    """Bound what the engine lets through of a silent operator: only in loops of algorithms 4, 6."""
    at = task.spec.position
    loop = patch[at["algorithm"]] in (3, 5) and patch[at["feedback"]] > 0
    return 0.005 if loop else 0.0


def differs(first: np.ndarray, second: np.ndarray, tolerance: float) -> bool:
    if not first.any():
        return bool(np.abs(second).max() > 1e-3 if tolerance else second.any())
    return relative_error(first, second) > tolerance


def test_the_dx7_is_a_task_and_an_unknown_name_is_none(task):
    assert isinstance(load_task("dx7"), Task)
    assert task.spec.width == 165 and len(task.spec.parameters) == 122
    with pytest.raises(TaskError, match="minimoog"):
        load_task("minimoog")


def test_encoding_draws_is_exact(task):
    rng = np.random.default_rng(5)
    patches = np.stack([task.sample(rng) for _ in range(500)])
    for x in (task.spec.encode(patches), task.spec.encode(patches, rng)):
        np.testing.assert_array_equal(task.spec.decode(x), patches)


def test_inactive_parameters_do_not_change_the_sound(task):
    rng = np.random.default_rng(1)
    inactive = 0
    for patch in special_draws(task, 24, 1):
        active = task.active(patch)
        other = task.sample(rng)
        other[-1] = 6.0  # an inactive duration may change to any that outlasts the sound
        changed = np.where(active, patch, other)
        inactive += (~active).sum()
        tolerance = leak(task, patch)
        assert not differs(sound(task, patch), sound(task, changed), tolerance)
        assert not differs(sound(task, patch), sound(task, task.neutral(patch)), tolerance)
    assert inactive > 24 * 18  # each operator has three parameters of its unused mode


def test_most_active_parameters_change_the_sound(task):
    rng = np.random.default_rng(2)
    audible = total = 0
    for patch in special_draws(task, 4, 2):
        if not sound(task, patch).any():
            continue
        for at in rng.permutation(np.flatnonzero(task.active(patch)))[:20]:
            changed = patch.copy()
            while changed[at] == patch[at]:
                changed[at] = (
                    task.sample(rng)[at] if rng.random() < 0.5 else _uniform_value(task, at, rng)
                )
            total += 1
            audible += differs(sound(task, patch), sound(task, changed), 0.0)
    assert audible > 0.7 * total


def _uniform_value(task: DX7Task, at: int, rng: np.random.Generator) -> float:
    parameter = task.spec.parameters[at]
    return float(parameter.decode(rng.uniform(-1, 1, (1, parameter.width)))[0])


def test_symmetries_do_not_change_the_sound(task):
    rng = np.random.default_rng(3)
    images = 0
    for patch in special_draws(task, 16, 3):
        rows = task.symmetries(patch)
        np.testing.assert_array_equal(rows[0], np.arange(165))
        assert len(np.unique(rows, axis=0)) == len(rows)
        x = task.spec.encode(patch[None])[0]
        original = sound(task, patch)
        for row in rng.permutation(rows[1:])[:3]:
            image = task.spec.decode(x[row][None])[0]
            np.testing.assert_array_equal(sound(task, image), original)
            images += 1
    assert images > 10


@pytest.mark.parametrize(
    ("algorithm", "feedback", "count"),
    [(5, 7, 2), (5, 0, 6), (6, 7, 2), (31, 7, 24), (32, 7, 120), (32, 0, 720), (1, 7, 1)],
)
def test_each_algorithm_allows_as_many_exchanges_as_its_graph(task, algorithm, feedback, count):
    at = task.spec.position
    patch = task.from_voice(init_voice(), Note(60))
    for op in range(1, 7):
        patch[at[f"op{op}.output_level"]] = 80 + op
    patch[at["algorithm"]], patch[at["feedback"]] = algorithm - 1, feedback
    column = task.spec.slices[at["algorithm"]].start + algorithm - 1
    same_algorithm = [row for row in task.symmetries(patch) if row[column] == column]
    assert len(same_algorithm) == count


@pytest.mark.parametrize(
    "group", [(1, 2), (3, 4), (5, 6), (7, 8, 9), (10, 11), (12, 13), (14, 15), (16, 17), (26, 27)]
)
def test_algorithms_that_are_equal_without_feedback_are_exchanged(task, group):
    rng = np.random.default_rng(sum(group))
    at = task.spec.position
    patch = task.sample(rng)
    for op in range(1, 7):
        patch[at[f"op{op}.output_level"]] = 80
    patch[at["feedback"]], patch[at["algorithm"]] = 0, group[0] - 1
    x = task.spec.encode(patch[None])[0]
    images = task.spec.decode(x[task.symmetries(patch)])
    assert {int(a) + 1 for a in images[:, at["algorithm"]]} >= set(group)
    np.testing.assert_array_equal(task.log_density(images), task.log_density(images)[0])
    patch[at["feedback"]] = 5
    images = task.spec.decode(x[task.symmetries(patch)])
    assert {int(a) + 1 for a in images[:, at["algorithm"]]} == {group[0]}


def test_exchanging_carriers_of_different_stacks_changes_the_sound(task):
    """Carriers 1 and 3 of algorithm 5 without their modulators: relative errors of up to 0.6."""
    rng = np.random.default_rng(4)
    at = task.spec.position
    for _ in range(5):
        patch = task.sample(rng)
        patch[at["algorithm"]] = 4
        for op in (1, 2, 3, 4):
            patch[at[f"op{op}.output_level"]] = 85
        swapped = patch.copy()
        first, third = at["op1.rate1"], at["op3.rate1"]
        swapped[first : first + 17] = patch[third : third + 17]
        swapped[third : third + 17] = patch[first : first + 17]
        assert differs(sound(task, patch), sound(task, swapped), 1e-3)


def test_voices_without_scaling_round_trip_exactly(task):
    rng = np.random.default_rng(6)
    for _ in range(10):
        patch = task.neutral(task.sample(rng))
        note = task.note(patch)
        voice = task.engine_patch(patch)
        assert task.folding_error(voice, note) == 0.0
        np.testing.assert_array_equal(task.engine_patch(task.from_voice(voice, note)), voice)


#: Rates, levels and output level of an envelope with a hold.
HOLDS = {
    "second stage": ((99, 40, 60, 60), (99, 99, 0, 0), 99),
    "second stage, whose level is another one on the panel": ((99, 40, 60, 60), (99, 98, 0, 0), 99),
    "first stage, at level 0": ((20, 80, 50, 60), (0, 99, 50, 0), 99),
    "two stages at level 0, then an attack": ((30, 30, 99, 60), (0, 0, 99, 0), 99),
    "first stage at level 0, second at the floor": ((10, 30, 80, 60), (0, 1, 99, 0), 99),
    "two levels at the floor of a quiet operator": ((99, 60, 99, 60), (3, 0, 99, 0), 85),
    "no hold: one step of the engine down": ((99, 40, 60, 60), (99, 97, 0, 0), 99),
    "no hold: the release to the level of sustain": ((99, 60, 50, 30), (99, 80, 70, 70), 99),
}


@pytest.mark.parametrize(("rates", "levels", "output"), HOLDS.values(), ids=HOLDS)
def test_rate_scaling_of_a_hold_is_folded_exactly(task, rates, levels, output):
    voice = init_voice()
    operator = voice[105:126]
    operator[:4], operator[4:8], operator[13], operator[16] = rates, levels, 7, output
    for pitch in range(36, 97, 15):
        note = Note(pitch, 0.0, 1.0)
        assert task.synth().render(voice, note).any()
        assert task.folding_error(voice, note) == 0.0


def test_rate_scaling_is_folded_exactly(task):
    rng = np.random.default_rng(7)
    for number in range(12):
        voice = task.engine_patch(task.sample(rng))
        for operator in voice[:126].reshape(6, 21):
            operator[13] = rng.integers(0, 8)
            if number % 2:  # levels that are alike, and low ones
                operator[5:7] = np.maximum(0, operator[4:6].astype(int) - rng.integers(0, 3, 2))
                operator[4] = rng.choice([operator[4], 0, 3])
        note = Note(int(rng.integers(36, 97)), 0.0, float(rng.choice([0.1, 1.5])))
        assert task.folding_error(voice, note) == 0.0


def test_folding_scaling_in_is_nearer_than_ignoring_it(task, shared_data):
    note = Note(60, 0.0, 1.5)
    errors, errors_without_scaling = [], []
    bank = read_syx((shared_data / "dx7_cartridges" / "SynprezFM_08.syx").read_bytes()).voices
    for voice in bank:
        errors.append(task.folding_error(voice, note))
        plain = voice.copy()
        for at in range(0, 126, 21):
            plain[at + 8 : at + 14], plain[at + 15] = 0, 0
        folded = task.synth().render(voice, note)
        errors_without_scaling.append(relative_error(folded, task.synth().render(plain, note)))
    assert np.median(errors) < 0.1 < np.median(errors_without_scaling)
    transposed_down = bank[0].copy()
    transposed_down[144] = 0
    with pytest.raises(PatchError, match="outside the task"):
        task.from_voice(transposed_down, Note(40))


def test_musical_gives_ratios_hertz_and_decibels(task):
    at = task.spec.position
    patch = task.from_voice(init_voice(), Note(69, 0.1, 1.0))
    patch[at["op1.ratio_coarse"]], patch[at["op1.ratio_fine"]] = 2, 50
    musical = task.musical(patch)
    assert musical["note"]["name"] == "A4"
    (operator,) = musical["operators"]
    assert operator["ratio"] == 3.0 and operator["frequency_hz"] == 1320.0
    assert operator["role"] == "carrier" and operator["level_db"] == 0.0
    assert "lfo.speed" not in musical and musical["algorithm"] == "1"


def test_a_pickled_task_is_small(task):
    data = pickle.dumps(task)
    assert len(data) < 1000
    loaded = pickle.loads(data)
    assert loaded.hash == task.hash and loaded.spec.names == task.spec.names
