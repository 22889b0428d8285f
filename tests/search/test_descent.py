import numpy as np
import pytest
import torch

from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate
from unsynth.search.downhill import Downhill, _Power
from unsynth.search.moves.descent import Descent, Polish
from unsynth.search.space import Space
from unsynth.sketches.catalogue import sketch_of
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.dx7.layout import OPERATORS, WIDTH
from unsynth.tasks.locks import Locks

LOCKED = {"note.pitch": 57.0, "note.onset": 0.1, "note.duration": 1.0, "op1.level1": 90.0}


@pytest.fixture(scope="module")
def task():
    return load_task("dx7")


def sound(task, patch):
    return task.synth().render(task.engine_patch(patch), task.note(patch))


def disturbed(task, space, patch, rng):
    """Other envelopes and levels, the same structure."""
    other = patch.copy()
    ops = other[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    ops[:, :9] = np.clip(ops[:, :9] + rng.integers(-20, 21, (OPERATORS, 9)), 0, 99)
    return space.hold(other)


@pytest.fixture(scope="module")
def space(task):
    return Space(task, Locks(task, LOCKED))


def problem(task, space, seed):
    rng = np.random.default_rng(seed)
    patch = space.hold(task.sample(rng))
    audio = sound(task, patch)
    return audio, [disturbed(task, space, patch, rng) for _ in range(6)]


def test_going_downhill_on_the_sketch_comes_nearer_by_the_engine(task, space):
    gains = []
    for seed in range(6):
        audio, patches = problem(task, space, seed)
        distance = FastSpectral(audio)
        fitted, _ = Downhill(space, sketch_of(task), audio)(patches, 60, np.random.default_rng(0))
        before = distance(np.stack([sound(task, patch) for patch in patches]))
        after = distance(np.stack([sound(task, patch) for patch in fitted]))
        gains.append(after.min() / before.min())
    assert np.median(gains) < 0.8


def test_only_what_is_free_and_has_slopes_changes(task, space):
    audio, patches = problem(task, space, 7)
    fitted, losses = Downhill(space, sketch_of(task), audio)(patches, 20, np.random.default_rng(0))
    positions = sketch_of(task).fitted
    assert losses.shape == (6,)
    for before, after in zip(patches, fitted, strict=True):
        task.spec.check(after[None])
        changed = np.flatnonzero(before != after)
        assert len(changed)
        assert set(changed) <= set(positions) & set(np.flatnonzero(space.free(before)))
        assert after[task.spec.position["op1.level1"]] == 90.0


def test_a_sound_of_its_own_corrects_the_sketch(task, space):
    """Noise that the sketch has not: it is put down to the sketch, not to the levels."""
    rng = np.random.default_rng(3)
    patch = space.hold(task.sample(rng))
    audio = sound(task, patch)
    audio += 0.03 * audio.std() * rng.standard_normal(audio.shape, dtype=np.float32)
    downhill = Downhill(space, sketch_of(task), audio)
    _, blind = downhill([patch], 10, np.random.default_rng(0))
    _, corrected = downhill([patch], 10, np.random.default_rng(0), [audio])
    assert corrected[0] < 0.5 * blind[0]


def test_slopes_of_power_are_those_of_differences():
    windows = torch.randn(2, 3, 16, dtype=torch.float64, requires_grad=True)
    shape = torch.hann_window(16, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: _Power.apply(x, shape), windows)


def test_levels_are_compared_below_their_peaks(task, space):
    """All but the loudest cell 5 dB lower counts in full, a louder sound not at all."""
    downhill = Downhill(
        space, sketch_of(task), sound(task, space.hold(task.sample(np.random.default_rng(7))))
    )
    wanted, weights = torch.linspace(-60.0, -3.0, 20).reshape(2, 10), torch.tensor([0.5, 0.5])
    louder = wanted[None] + 40.0
    lower = louder - 5.0 * (wanted < wanted.max())
    losses = downhill._losses(torch.cat([louder, lower]), wanted, weights)
    torch.testing.assert_close(losses, torch.tensor([0.0, 5.0 * 19 / 20]))


def test_ends_at_once_when_it_is_over(task, space):
    audio, patches = problem(task, space, 8)
    fitted, _ = Downhill(space, sketch_of(task), audio, lambda: True)(
        patches, 1000, np.random.default_rng(0)
    )
    np.testing.assert_array_equal(np.stack(fitted), np.stack(patches))


def test_variants_take_structure_from_draws_and_keep_what_is_locked(task):
    space = Space(task, Locks(task, {**LOCKED, "algorithm": 4.0}))
    audio, patches = problem(task, space, 9)
    downhill = Downhill(space, sketch_of(task), audio)
    descent = Descent(space, downhill, [])
    pool = [Candidate(patch, sound(task, patch), 5.0, "") for patch in patches]
    proposed = descent.propose(pool, 4, np.random.default_rng(1))
    assert len(proposed) == 4
    structure = np.flatnonzero(downhill.structure)
    known = {tuple(patch[structure]) for patch in patches}
    assert any(tuple(patch[structure]) not in known for patch in proposed)
    for patch in proposed:
        task.spec.check(patch[None])
        assert patch[task.spec.position["algorithm"]] == 4.0


def test_fits_more_variants_further_where_renders_are_counted(task, space):
    least = {False: [], True: []}
    for seed in range(3):
        audio, patches = problem(task, space, 20 + seed)
        downhill = Downhill(space, sketch_of(task), audio)
        pool = [Candidate(patch, sound(task, patch), 5.0, "") for patch in patches]
        for thorough, losses in least.items():
            descent = Descent(space, downhill, [], thorough)
            proposed = descent.propose(pool, 4, np.random.default_rng(seed))
            losses.append(np.median(downhill.losses(proposed, np.random.default_rng(0))))
    assert np.mean(least[True]) < 0.9 * np.mean(least[False])


def test_begins_with_what_there_is_and_then_from_several_structures(task, space):
    audio, patches = problem(task, space, 10)
    descent = Descent(space, Downhill(space, sketch_of(task), audio), patches)
    first = descent.propose([], 4, np.random.default_rng(0))
    structure = np.flatnonzero(Downhill(space, sketch_of(task), audio).structure)
    assert len(first) == len(patches)
    assert {tuple(p[structure]) for p in first} == {tuple(p[structure]) for p in patches}


def test_a_task_whose_structure_is_locked_is_left_in_peace(task):
    space = Space(task)
    audio, patches = problem(task, space, 11)
    names = task.spec.names
    locked = {names[i]: float(patches[0][i]) for i in sketch_of(task).structure}
    space = Space(task, Locks(task, locked))
    pool = [Candidate(patches[0], audio, 5.0, "")]
    descent = Descent(space, Downhill(space, sketch_of(task), audio), [])
    (structure,) = {
        tuple(p[sketch_of(task).structure])
        for p in descent.propose(pool, 3, np.random.default_rng(0))
    }
    assert structure == tuple(patches[0][sketch_of(task).structure])


def test_nothing_is_polished_twice(task, space):
    audio, patches = problem(task, space, 12)
    polish = Polish(space, Downhill(space, sketch_of(task), audio))
    pool = [Candidate(patch, sound(task, patch), 5.0, "") for patch in patches]
    assert len(polish.propose(pool, 4, np.random.default_rng(0))) == 4
    assert len(polish.propose(pool, 4, np.random.default_rng(0))) == 2
    assert polish.propose(pool, 4, np.random.default_rng(0)) == []
