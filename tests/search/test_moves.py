import numpy as np
import pytest
from scipy.optimize import lsq_linear

from tests.search.problems import Judge, make_problem
from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate
from unsynth.search.moves import mixing
from unsynth.search.moves.evolution import Evolution
from unsynth.search.moves.linear import Linear, fit_step, solve_within
from unsynth.search.moves.mixing import Crossover, Discrete, Genetic, Mutation
from unsynth.search.space import Space
from unsynth.synths.base import Note
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.locks import Locks


def test_moves_leave_inaudible_parameters_alone(task):
    _, _, start = make_problem(task, 7, 16)
    space = Space(task)
    rng = np.random.default_rng(0)
    for candidate in start[:4]:
        inaudible = ~task.active(candidate.patch)
        assert inaudible.any()
        for move in (Mutation(space), Discrete(space), Evolution(space)):
            children = np.stack(move.propose([candidate], 16, rng))
            assert len(np.unique(children, axis=0)) > 8
            assert (children[:, inaudible] == candidate.patch[inaudible]).all()


def test_crossover_takes_only_audible_values_from_the_second_parent(task, monkeypatch):
    monkeypatch.setattr(mixing, "_MUTATED_CHILD", 0.0)
    _, _, start = make_problem(task, 7, 12)
    space, rng = Space(task), np.random.default_rng(0)
    first, second = (candidate.patch for candidate in start[:2])
    pairs = [
        (first, nearest_image(task, second, first)),
        (second, nearest_image(task, first, second)),
    ]
    children = Crossover(space, Mutation(space)).propose(start[:2], 64, rng)
    assert len(np.unique(children, axis=0)) > 16
    for child in children:
        explained = []
        for mother, father in pairs:
            inaudible = ~(task.active(mother) | task.active(father))
            inherited = (child == mother) | (child == father)
            explained.append((child[inaudible] == mother[inaudible]).all() and inherited.all())
        assert any(explained)


def test_genetic_children_descend_from_its_own_population(task):
    _, _, start = make_problem(task, 10, 12)
    genetic, rng = Genetic(Space(task)), np.random.default_rng(0)
    assert not genetic.propose(start, 8, rng)
    genetic.learn(start)
    best, worst = start[0], start[-1]
    genetic.learn_from_others([Candidate(best.patch, best.audio, -1.0, "other"), worst])
    children = genetic.propose([worst], 64, rng)
    assert len(np.unique(children, axis=0)) > 32
    task.spec.check(np.stack(children))
    shared_with_best = np.mean([(child == best.patch).mean() for child in children])
    assert shared_with_best > np.mean([(child == worst.patch).mean() for child in children])


def test_fit_step_recovers_changes_despite_outliers(rng):
    rows = rng.standard_normal((12, 400)).astype(np.float32) * 20.0
    changes = rng.uniform(-0.3, 0.3, 12)
    residual = changes.astype(np.float32) @ rows
    residual[::10] += 60.0  # no parameter explains these cells
    low, high = np.full(12, -0.2), np.full(12, 0.4)
    step = fit_step(rows, residual, 1e-4, low, high)
    assert (step >= low).all() and (step <= high).all()
    inside = (changes > -0.18) & (changes < 0.18)
    np.testing.assert_allclose(step[inside], changes[inside], atol=0.08)
    assert (step[changes < -0.25] < -0.15).all()


@pytest.mark.parametrize("size", [1, 7, 110])
def test_solve_within_agrees_with_scipy(rng, size):
    a = rng.standard_normal((3 * size, size)) * rng.uniform(0.05, 1.0, size)
    b = 3.0 * rng.standard_normal(3 * size)
    low, high = -rng.uniform(0.0, 0.4, size), rng.uniform(0.0, 0.4, size)
    step = solve_within(a.T @ a, a.T @ b, low, high)
    np.testing.assert_allclose(step, lsq_linear(a, b, (low, high), "bvls").x, atol=1e-8)


def test_linear_steps_undo_small_changes_of_many_parameters(task):
    rng = np.random.default_rng(11)
    patch = task.with_note(task.sample(rng), Note(57, 0.1, 0.5))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    judge = Judge(task, audio)
    space = Space(task, Locks(task, {"note.pitch": 57.0, "note.onset": 0.1}))
    x = task.spec.encode(patch[None])[0]
    positions = np.flatnonzero(space.free(patch) & ~space.categorical)
    x[space.coordinates[positions]] += rng.uniform(-0.1, 0.1, len(positions))
    (start,) = judge([(space.decode_at(patch, x, positions), "changed")])
    linear = Linear(space, FastSpectral(audio))
    best = [start]
    for _ in range(3):  # a probe and two steps
        batch = list(judge([(child, "linear") for child in linear.propose(best, 6, rng)]))
        linear.learn(batch)
        best = sorted([*best, *batch], key=lambda candidate: candidate.score)
    assert start.score > 3.0
    assert best[0].score < 0.6 * start.score
