import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unsynth.errors import EngineError
from unsynth.metrics.fast import FastSpectral
from unsynth.search import window_loss
from unsynth.search.candidates import Candidate, Target
from unsynth.search.downhill import Downhill
from unsynth.search.moves.catalogue import make_moves
from unsynth.search.moves.descent import Descent, Polish
from unsynth.search.space import Space
from unsynth.search.window_loss import WindowLoss
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.layout import OPERATORS, WIDTH
from unsynth.tasks.locks import Locks

LOCKED = {"note.pitch": 57.0, "note.onset": 0.1, "note.duration": 1.0, "op1.level1": 90.0}


@pytest.fixture(scope="module")
def task():
    return load_task("dx7")


@pytest.fixture(scope="module")
def space(task):
    return Space(task, Locks(task, LOCKED))


def render(task, patch):
    return task.synth().render(task.engine_patch(patch), task.note(patch))


def disturb(space, patch, rng):
    """Change envelopes and levels, but not the structure."""
    other = patch.copy()
    operators = other[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    operators[:, :9] = np.clip(operators[:, :9] + rng.integers(-20, 21, (OPERATORS, 9)), 0, 99)
    return space.hold(other)


def make_problem(task, space, seed):
    """The sound of a draw, and six disturbed patches of that draw."""
    rng = np.random.default_rng(seed)
    patch = space.hold(task.sample(rng))
    return render(task, patch), [disturb(space, patch, rng) for _ in range(6)]


def make_downhill(space, task, audio, stopped=lambda: False):
    return Downhill(space, sketch_of(task), audio, ThreadPoolExecutor(2), stopped)


def make_candidates(task, patches):
    return [Candidate(patch, render(task, patch), 5.0, "") for patch in patches]


def test_descent_on_the_sketch_comes_nearer_by_the_engine(task, space):
    ratios = []
    for seed in range(6):
        audio, patches = make_problem(task, space, seed)
        distance = FastSpectral(audio)
        downhill = make_downhill(space, task, audio)
        fitted, _ = downhill.fit(patches, 60, np.random.default_rng(0))
        before = distance(np.stack([render(task, patch) for patch in patches]))
        after = distance(np.stack([render(task, patch) for patch in fitted]))
        ratios.append(after.min() / before.min())
    assert np.median(ratios) < 0.8


def test_a_fit_changes_only_free_parameters_with_slopes(task, space):
    audio, patches = make_problem(task, space, 7)
    downhill = make_downhill(space, task, audio)
    fitted, losses = downhill.fit(patches, 20, np.random.default_rng(0))
    positions = sketch_of(task).fitted
    assert losses.shape == (6,)
    for before, after in zip(patches, fitted, strict=True):
        task.spec.check(after[None])
        changed = np.flatnonzero(before != after)
        assert len(changed)
        assert set(changed) <= set(positions) & set(np.flatnonzero(space.free(before)))
        assert after[task.spec.position["op1.level1"]] == 90.0


def test_a_rendered_sound_corrects_the_sketch(task, space):
    """The sketch cannot play noise: its error there must not count against the levels."""
    rng = np.random.default_rng(3)
    patch = space.hold(task.sample(rng))
    audio = render(task, patch)
    audio += 0.03 * audio.std() * rng.standard_normal(audio.shape, dtype=np.float32)
    downhill = make_downhill(space, task, audio)
    _, uncorrected = downhill.fit([patch], 10, np.random.default_rng(0))
    _, corrected = downhill.fit([patch], 10, np.random.default_rng(0), [audio])
    assert corrected[0] < 0.5 * uncorrected[0]


def test_slopes_agree_with_finite_differences(task, space):
    """Of losses by samples of windows, among them a silent one and ones that are too quiet."""
    audio, _ = make_problem(task, space, 7)
    loss, rng = WindowLoss(audio.mean(axis=0), task.sample_rate, 8, 2), np.random.default_rng(0)
    (target,) = loss.target_levels(loss.draw_starts(1, rng))
    sounds = rng.standard_normal((3, len(target), 1024), dtype=np.float32)
    sounds *= np.array([0.3, 1e-3, 0.3], dtype=np.float32)[:, None, None]
    sounds[2, 1:] = 0.0
    _, slopes = loss.losses_and_slopes(sounds, target)
    assert not slopes[2, 1:].any()
    for _ in range(5):
        change = rng.standard_normal(sounds.shape, dtype=np.float32)
        change *= 1e-3 * np.abs(sounds).max(axis=(1, 2), keepdims=True)
        change[2, 1:] = 0.0
        difference = loss.losses(sounds + change, target) - loss.losses(sounds - change, target)
        expected = 2.0 * (slopes * change).sum(axis=(1, 2))
        np.testing.assert_allclose(difference, expected, rtol=0.05, atol=2e-3)


def test_the_loss_ignores_overall_level_and_counts_relative_levels():
    """All cells but the loudest 5 dB lower count in full; a louder sound does not count at all."""
    target = np.linspace(-60.0, -3.0, 20, dtype=np.float32).reshape(2, 10)
    louder = target[None] + np.float32(40.0)
    lower = louder - np.float32(5.0) * (target < target.max())
    levels, losses = np.concatenate([louder, lower]), np.empty(2, dtype=np.float32)
    window_loss._compare(levels, target, np.full(2, 0.5, dtype=np.float32), losses)
    np.testing.assert_allclose(losses, [0.0, 5.0 * 19 / 20], atol=1e-5)


@pytest.mark.parametrize("sounds", [False, True])
def test_a_fit_does_not_depend_on_threads_or_on_other_patches(task, space, sounds):
    audio, patches = make_problem(task, space, 14)
    patches = [*patches, *make_problem(task, space, 15)[1]]  # more than one group
    rendered = [render(task, patch) for patch in patches] if sounds else None
    fits = []
    for threads in (1, 3):
        downhill = Downhill(space, sketch_of(task), audio, ThreadPoolExecutor(threads))
        fits.append(downhill.fit(patches, 12, np.random.default_rng(0), rendered))
    np.testing.assert_array_equal(*(np.stack(fitted) for fitted, _ in fits))
    np.testing.assert_array_equal(*(losses for _, losses in fits))
    few = slice(6, 9)  # of two groups, and now one
    fitted, losses = downhill.fit(
        patches[few], 12, np.random.default_rng(0), rendered and rendered[few]
    )
    np.testing.assert_array_equal(np.stack(fitted), np.stack(fits[0][0][few]))
    np.testing.assert_array_equal(losses, fits[0][1][few])


def test_a_stopped_fit_returns_the_patches_unchanged(task, space):
    audio, patches = make_problem(task, space, 8)
    downhill = make_downhill(space, task, audio, lambda: True)
    fitted, _ = downhill.fit(patches, 1000, np.random.default_rng(0))
    np.testing.assert_array_equal(np.stack(fitted), np.stack(patches))


def test_variants_take_structure_from_draws_and_keep_locked_values(task):
    space = Space(task, Locks(task, {**LOCKED, "algorithm": 4.0}))
    audio, patches = make_problem(task, space, 9)
    downhill = make_downhill(space, task, audio)
    descent = Descent(space, downhill, [])
    candidates = make_candidates(task, patches)
    proposed = descent.propose(candidates, 4, np.random.default_rng(1))
    assert len(proposed) == 4
    positions = np.flatnonzero(downhill.structure)
    structures = {tuple(patch[positions]) for patch in patches}
    assert any(tuple(patch[positions]) not in structures for patch in proposed)
    for patch in proposed:
        task.spec.check(patch[None])
        assert patch[task.spec.position["algorithm"]] == 4.0


def test_thorough_descents_fit_better(task, space):
    medians = {False: [], True: []}
    for seed in range(3):
        audio, patches = make_problem(task, space, 20 + seed)
        downhill = make_downhill(space, task, audio)
        candidates = make_candidates(task, patches)
        for thorough, losses in medians.items():
            descent = Descent(space, downhill, [], thorough)
            proposed = descent.propose(candidates, 4, np.random.default_rng(seed))
            losses.append(np.median(downhill.losses(proposed, np.random.default_rng(0))))
    assert np.mean(medians[True]) < 0.9 * np.mean(medians[False])


def test_structures_with_equal_values_at_other_operators_are_both_kept(task):
    """In algorithm 1 operators 1, 2, 3 and operators 1, 3, 4 at ratios 1, 2, 3 sound different."""
    space, at = Space(task), task.spec.position
    audio, (patch, *_) = make_problem(task, space, 13)
    candidates = []
    for sounding in ((1, 2, 3), (1, 3, 4)):
        other = patch.copy()
        for op in range(1, 7):
            other[at[f"op{op}.output_level"]] = 90 if op in sounding else 0
            other[at[f"op{op}.level1"]], other[at[f"op{op}.mode"]] = 99, 0
        for ratio, op in enumerate(sounding, start=1):
            other[at[f"op{op}.ratio_coarse"]] = ratio
            other[at[f"op{op}.ratio_fine"]] = other[at[f"op{op}.ratio_detune"]] = 0
            other[at[f"op{op}.amp_mod_sensitivity"]] = 0
        other[at["algorithm"]] = 0
        candidates.append(Candidate(other, audio, 5.0, ""))
    descent = Descent(space, make_downhill(space, task, audio), [])
    descent.learn(candidates)
    assert len(descent._best_by_structure) == 2


def test_the_first_descent_fits_the_start_and_keeps_its_structures(task, space):
    audio, patches = make_problem(task, space, 10)
    downhill = make_downhill(space, task, audio)
    first = Descent(space, downhill, patches).propose([], 4, np.random.default_rng(0))
    positions = np.flatnonzero(downhill.structure)
    assert len(first) == len(patches)
    assert {tuple(p[positions]) for p in first} == {tuple(p[positions]) for p in patches}


def test_descent_keeps_a_locked_structure(task):
    audio, patches = make_problem(task, Space(task), 11)
    positions = sketch_of(task).structure
    values = {task.spec.names[i]: float(patches[0][i]) for i in positions}
    space = Space(task, Locks(task, values))
    candidates = [Candidate(patches[0], audio, 5.0, "")]
    descent = Descent(space, make_downhill(space, task, audio), [])
    proposed = descent.propose(candidates, 3, np.random.default_rng(0))
    assert {tuple(p[positions]) for p in proposed} == {tuple(patches[0][positions])}


def test_only_the_moves_that_gain_most_are_tried_first(task, space):
    audio, _ = make_problem(task, space, 17)
    target = Target("a sound", audio, task.sample_rate)
    with ThreadPoolExecutor(1) as fitting:
        moves = make_moves(
            *(space, target, [], [], None, fitting), thorough=False, stopped=lambda: False
        )
    assert [move.name for move in moves if move.tried_first] == ["descent", "polish", "linear"]
    assert len(moves) > 3


def test_a_search_without_numba_says_what_to_install(task, space, monkeypatch):
    audio, _ = make_problem(task, space, 16)
    target = Target("a sound", audio, task.sample_rate)
    monkeypatch.setitem(sys.modules, "unsynth.search.downhill", None)
    with ThreadPoolExecutor(1) as fitting, pytest.raises(EngineError, match="pip install 'numba"):
        make_moves(*(space, target, [], [], None, fitting), thorough=False, stopped=lambda: False)


def test_polish_fits_each_candidate_once(task, space):
    audio, patches = make_problem(task, space, 12)
    polish = Polish(space, make_downhill(space, task, audio))
    candidates = make_candidates(task, patches)
    assert len(polish.propose(candidates, 4, np.random.default_rng(0))) == 4
    assert len(polish.propose(candidates, 4, np.random.default_rng(0))) == 2
    assert polish.propose(candidates, 4, np.random.default_rng(0)) == []
