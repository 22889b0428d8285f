from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from unsynth.data.draws import audible
from unsynth.errors import PatchError
from unsynth.metrics.audio import MultiScaleSpectral
from unsynth.metrics.fast import FastSpectral
from unsynth.search.candidates import Candidate, Target
from unsynth.search.moves import mixing
from unsynth.search.moves.descent import Descent
from unsynth.search.moves.evolution import Evolution
from unsynth.search.moves.linear import Linear, fitted, within
from unsynth.search.moves.mixing import Crossover, Discrete, Genetic, Mutation
from unsynth.search.pool import BestPool
from unsynth.search.search import search
from unsynth.search.space import Space
from unsynth.synths.base import Note
from unsynth.tasks.alignment import nearest_image
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks

LOCKED = {"note.pitch": 57.0, "note.onset": 0.1, "note.duration": 0.5, "feedback": 3.0}


class Judge:
    """Renders on one engine and scores by MSS; keeps what it was given."""

    def __init__(self, task, audio: np.ndarray) -> None:
        self._task, self._synth = task, task.synth()
        self._distance = MultiScaleSpectral(audio, self._synth.sample_rate)
        self.proposals: list = []

    def __call__(self, proposals):
        for patch, origin in proposals:
            self.proposals.append(patch)
            audio = self._synth.render(self._task.engine_patch(patch), self._task.note(patch))
            if audible(audio, self._synth.sample_rate):
                yield Candidate(patch, audio, float(self._distance(audio[None])[0]), origin)


def problem(task, seed: int, draws: int = 8) -> tuple[Target, Judge, list[Candidate]]:
    rng = np.random.default_rng(seed)
    note = Note(57, 0.1, 0.5)
    patch = task.with_note(task.sample(rng), note)
    audio = task.synth().render(task.engine_patch(patch), note)
    judge = Judge(task, audio)
    start = list(judge([(task.with_note(task.sample(rng), note), "prior") for _ in range(draws)]))
    judge.proposals.clear()
    return Target("a draw", audio, 44_100), judge, start


@pytest.fixture(scope="module")
def sines():
    return load_task(str(Path(__file__).parents[1] / "tasks" / "small.yaml"))


def run(task, seed: int, renders: int, **settings):
    target, judge, start = problem(task, seed)
    steps = list(
        search(task, target, judge, start, np.random.default_rng(seed), renders=renders, **settings)
    )
    return start, steps, judge


def test_finds_a_nearer_sound_and_keeps_to_its_renders(sines):
    start, steps, judge = run(sines, 1, 200)
    assert len(judge.proposals) == steps[-1].tried == 200
    assert [step.tried for step in steps] == sorted({step.tried for step in steps})
    found = [candidate.score for step in steps for candidate in step.found]
    assert min(found) < 0.7 * min(candidate.score for candidate in start)
    for patch in judge.proposals:
        sines.spec.check(patch[None])
    different = {sines.neutral(patch).tobytes() for patch in judge.proposals}
    assert len(different) == 200, "a sound was rendered twice"


def test_a_seed_gives_the_same_search(sines):
    first, again = run(sines, 2, 120)[2].proposals, run(sines, 2, 120)[2].proposals
    np.testing.assert_array_equal(np.stack(first), np.stack(again))


def test_begins_with_nothing(sines):
    target, judge, _ = problem(sines, 3)
    steps = list(search(sines, target, judge, [], np.random.default_rng(0), renders=40))
    assert steps[0].move == "prior" and steps[-1].tried == 40
    assert any(step.found for step in steps)


def test_ends_where_there_is_nothing_new(sines):
    target, judge, start = problem(sines, 4)
    locked = dict(zip(sines.spec.names, start[0].patch.tolist(), strict=True))
    rng = np.random.default_rng(0)
    assert not list(search(sines, target, judge, start[:1], rng, locks=Locks(sines, locked)))
    assert not judge.proposals


def test_no_seconds_no_renders(sines):
    target, judge, start = problem(sines, 5)
    rng = np.random.default_rng(0)
    assert not list(search(sines, target, judge, start, rng, seconds=0.0))
    assert not judge.proposals


def test_an_unknown_lock_is_refused(sines):
    with pytest.raises(PatchError, match="cutoff"):
        Locks(sines, {"cutoff": 1.0})


def test_locks_hold_in_every_proposal(task, posterior):
    locked = LOCKED | {"op3.output_level": 88.0, "algorithm": 4.0}
    at = [task.spec.position[name] for name in locked]
    _, steps, judge = run(task, 6, 330, locks=Locks(task, locked), posterior=posterior)
    assert {step.move for step in steps} >= {
        *("mutation", "crossover", "discrete", "CMA-ES", "linear", "genetic"),
        *("posterior", "re-noised"),
    }
    held = np.stack(judge.proposals)[:, at]
    np.testing.assert_array_equal(held, np.tile(list(locked.values()), (len(held), 1)))


@pytest.mark.parametrize(
    ("granted", "thorough"), [({"renders": 1}, True), ({"seconds": 9.0}, False)]
)
def test_descents_are_thorough_where_renders_are_granted(task, monkeypatch, granted, thorough):
    made = []

    class Watched(Descent):
        def propose(self, *arguments):
            made.append(self._thorough)
            return super().propose(*arguments)

    monkeypatch.setattr("unsynth.search.search.Descent", Watched)
    target, judge, start = problem(task, 3)
    next(search(task, target, judge, start, np.random.default_rng(0), **granted))
    assert made[0] is thorough


def test_what_cannot_be_heard_is_left_alone(task):
    _, _, start = problem(task, 7, 16)
    space = Space(task)
    rng = np.random.default_rng(0)
    for candidate in start[:4]:
        hidden = ~task.active(candidate.patch)
        assert hidden.any()
        for move in (Mutation(space), Discrete(space), Evolution(space)):
            children = np.stack(move.propose([candidate], 16, rng))
            assert len(np.unique(children, axis=0)) > 8
            assert (children[:, hidden] == candidate.patch[hidden]).all()


def test_crossover_takes_only_what_is_heard(task, monkeypatch):
    monkeypatch.setattr(mixing, "_ALSO_CHANGED", 0.0)
    _, _, start = problem(task, 7, 12)
    space, rng = Space(task), np.random.default_rng(0)
    first, second = (candidate.patch for candidate in start[:2])
    both = [
        (first, nearest_image(task, second, first)),
        (second, nearest_image(task, first, second)),
    ]
    children = Crossover(space, Mutation(space)).propose(start[:2], 64, rng)
    assert len(np.unique(children, axis=0)) > 16
    for child in children:
        made = []
        for mother, father in both:
            hidden = ~(task.active(mother) | task.active(father))
            mixed = (child == mother) | (child == father)
            made.append((child[hidden] == mother[hidden]).all() and mixed.all())
        assert any(made)


def test_the_genetic_move_keeps_a_population_of_its_own(task):
    _, _, start = problem(task, 10, 12)
    genetic, rng = Genetic(Space(task)), np.random.default_rng(0)
    assert not genetic.propose(start, 8, rng)
    genetic.learn(start)
    best, worst = start[0], start[-1]
    genetic.watch([Candidate(best.patch, best.audio, -1.0, "other"), worst])
    children = genetic.propose([worst], 64, rng)
    assert len(np.unique(children, axis=0)) > 32
    task.spec.check(np.stack(children))
    nearer = np.mean([(child == best.patch).mean() for child in children])
    assert nearer > np.mean([(child == worst.patch).mean() for child in children])


def test_a_fit_finds_what_was_changed(rng):
    rows = rng.standard_normal((12, 400)).astype(np.float32) * 20.0
    changed = rng.uniform(-0.3, 0.3, 12)
    missing = changed.astype(np.float32) @ rows
    missing[::10] += 60.0  # what no number explains
    low, high = np.full(12, -0.2), np.full(12, 0.4)
    found = fitted(rows, missing, 1e-4, low, high)
    assert (found >= low).all() and (found <= high).all()
    inside = (changed > -0.18) & (changed < 0.18)
    np.testing.assert_allclose(found[inside], changed[inside], atol=0.08)
    assert (found[changed < -0.25] < -0.15).all()


@pytest.mark.parametrize("numbers", [1, 7, 110])
def test_steps_within_limits_are_the_nearest(rng, numbers):
    a = rng.standard_normal((3 * numbers, numbers)) * rng.uniform(0.05, 1.0, numbers)
    b = 3.0 * rng.standard_normal(3 * numbers)
    low, high = -rng.uniform(0.0, 0.4, numbers), rng.uniform(0.0, 0.4, numbers)
    step = within(a.T @ a, a.T @ b, low, high)
    np.testing.assert_allclose(step, lsq_linear(a, b, (low, high), "bvls").x, atol=1e-8)


def test_linear_steps_undo_small_changes_of_many_numbers(task):
    rng = np.random.default_rng(11)
    patch = task.with_note(task.sample(rng), Note(57, 0.1, 0.5))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    judge, space = (
        Judge(task, audio),
        Space(task, Locks(task, {"note.pitch": 57.0, "note.onset": 0.1})),
    )
    x = task.spec.encode(patch[None])[0]
    numbers = np.flatnonzero(space.free(patch) & ~space.categorical)
    x[space.starts[numbers]] += rng.uniform(-0.1, 0.1, len(numbers))
    (start,) = judge([(space.moved(patch, x, numbers), "changed")])
    linear = Linear(space, FastSpectral(audio))
    pool = [start]
    for _ in range(3):  # a probe and two steps
        found = list(judge([(child, "linear") for child in linear.propose(pool, 6, rng)]))
        linear.learn(found)
        pool = sorted([*pool, *found], key=lambda candidate: candidate.score)
    assert start.score > 3.0
    assert pool[0].score < 0.6 * start.score


def test_alignment_undoes_an_exchange_of_operators(task):
    rng, moved = np.random.default_rng(8), 0
    for _ in range(20):
        patch = task.sample(rng)
        images = task.symmetries(patch)
        x = task.spec.encode(patch[None])[0]
        image = task.spec.decode(x[images[-1]][None])[0]
        back = nearest_image(task, image, patch)
        heard = task.active(patch)
        np.testing.assert_array_equal(back[heard], patch[heard])
        moved += (image[heard] != patch[heard]).any()
    assert moved > 5


def test_only_moves_that_ask_wait_for_what_is_under_way(sines, monkeypatch):
    made, added, waiting = 0, 0, {}
    plain_new, plain_add = BestPool.new, BestPool.add

    def new(pool, patches):
        nonlocal made
        made += 1
        return plain_new(pool, patches)

    def add(pool, found):
        nonlocal added
        added += 1
        return plain_add(pool, found)

    def watched(move):
        propose = move.propose

        def proposing(self, *arguments):
            waiting.setdefault(self.name, []).append(made - added)
            return propose(self, *arguments)

        monkeypatch.setattr(move, "propose", proposing)

    monkeypatch.setattr(BestPool, "new", new)
    monkeypatch.setattr(BestPool, "add", add)
    for move in (Linear, Evolution, Mutation, Crossover):
        watched(move)
    run(sines, 1, 400)
    assert set(waiting["linear"]) == set(waiting["CMA-ES"]) == {0}
    assert len(waiting["linear"]) > 3
    assert max(waiting["mutation"] + waiting["crossover"]) == 1
