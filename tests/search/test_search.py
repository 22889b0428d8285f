from pathlib import Path

import numpy as np
import pytest

from tests.search.problems import make_problem
from unsynth.errors import PatchError
from unsynth.search.moves.catalogue import make_moves
from unsynth.search.moves.descent import Descent
from unsynth.search.moves.evolution import Evolution
from unsynth.search.moves.linear import Linear
from unsynth.search.moves.mixing import Crossover, Mutation
from unsynth.search.pool import Pool
from unsynth.search.search import search
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks

LOCKED = {"note.pitch": 57.0, "note.onset": 0.1, "note.duration": 0.5, "feedback": 3.0}


@pytest.fixture(scope="module")
def sines():
    return load_task(str(Path(__file__).parents[1] / "tasks" / "small.yaml"))


def run(task, seed: int, renders: int, **settings):
    target, judge, start = make_problem(task, seed, seconds=1.0)
    steps = list(
        search(task, target, judge, start, np.random.default_rng(seed), renders=renders, **settings)
    )
    return start, steps, judge


def test_a_search_improves_and_spends_its_renders_on_different_sounds(sines):
    start, steps, judge = run(sines, 1, 200)
    assert len(judge.patches) == steps[-1].renders == 200
    assert [step.renders for step in steps] == sorted({step.renders for step in steps})
    scores = [candidate.score for step in steps for candidate in step.candidates]
    assert min(scores) < 0.7 * min(candidate.score for candidate in start)
    for patch in judge.patches:
        sines.spec.check(patch[None])
    different = {sines.neutral(patch).tobytes() for patch in judge.patches}
    assert len(different) == 200, "a sound was rendered twice"


def test_a_seed_gives_the_same_search(sines):
    first, again = run(sines, 2, 120)[2].patches, run(sines, 2, 120)[2].patches
    np.testing.assert_array_equal(np.stack(first), np.stack(again))


def test_a_search_without_a_start_begins_with_the_prior(sines):
    target, judge, _ = make_problem(sines, 3)
    steps = list(search(sines, target, judge, [], np.random.default_rng(0), renders=40))
    assert steps[0].move == "prior" and steps[-1].renders == 40
    assert any(step.candidates for step in steps)


def test_a_search_ends_when_there_is_nothing_new(sines):
    target, judge, start = make_problem(sines, 4)
    values = dict(zip(sines.spec.names, start[0].patch.tolist(), strict=True))
    rng = np.random.default_rng(0)
    assert not list(search(sines, target, judge, start[:1], rng, locks=Locks(sines, values)))
    assert not judge.patches


def test_a_search_of_zero_seconds_renders_nothing(sines):
    target, judge, start = make_problem(sines, 5)
    rng = np.random.default_rng(0)
    assert not list(search(sines, target, judge, start, rng, seconds=0.0))
    assert not judge.patches


def test_a_lock_on_an_unknown_parameter_is_refused(sines):
    with pytest.raises(PatchError, match="cutoff"):
        Locks(sines, {"cutoff": 1.0})


def test_every_proposal_of_every_move_keeps_locked_values(
    task, posterior, short_matches, monkeypatch
):
    def each_first(*arguments, **keywords):
        moves = make_moves(*arguments, **keywords)
        for move in moves:
            move.tried_first = True
        return moves

    monkeypatch.setattr("unsynth.search.search.make_moves", each_first)
    values = LOCKED | {"op3.output_level": 88.0, "algorithm": 4.0}
    positions = [task.spec.position[name] for name in values]
    target, judge, start = make_problem(task, 6)
    rng = np.random.default_rng(6)
    wanted = {"descent", "polish", "mutation", "crossover", "discrete", "CMA-ES", "linear"}
    wanted |= {"genetic", "posterior", "re-noised"}
    moves = set()
    for step in search(
        *(task, target, judge, start, rng),
        seconds=1e4,  # a limit on renders would make descents thorough, which takes long
        locks=Locks(task, values),
        posterior=posterior,
    ):
        moves.add(step.move)
        if step.renders >= (300 if moves >= wanted else 600):
            break
    assert moves >= wanted
    proposed = np.stack(judge.patches)[:, positions]
    np.testing.assert_array_equal(proposed, np.tile(list(values.values()), (len(proposed), 1)))


@pytest.mark.parametrize(("limit", "thorough"), [({"renders": 1}, True), ({"seconds": 9.0}, False)])
def test_descents_are_thorough_when_renders_are_limited(
    task, monkeypatch, short_matches, limit, thorough
):
    flags = []

    class RecordingDescent(Descent):
        def propose(self, *arguments):
            flags.append(self._thorough)
            return super().propose(*arguments)

    monkeypatch.setattr("unsynth.search.moves.catalogue.Descent", RecordingDescent)
    target, judge, start = make_problem(task, 3)
    next(search(task, target, judge, start, np.random.default_rng(0), **limit))
    assert flags[0] is thorough


def test_only_moves_that_need_results_wait_for_pending_batches(sines, monkeypatch):
    proposed_batches, scored_batches, pending = 0, 0, {}
    drop_repeats, add = Pool.drop_repeats, Pool.add

    def counting_drop_repeats(pool, patches):
        nonlocal proposed_batches
        proposed_batches += 1
        return drop_repeats(pool, patches)

    def counting_add(pool, candidates):
        nonlocal scored_batches
        scored_batches += 1
        return add(pool, candidates)

    def record_pending(move):
        propose = move.propose

        def recording_propose(self, *arguments):
            pending.setdefault(self.name, []).append(proposed_batches - scored_batches)
            return propose(self, *arguments)

        monkeypatch.setattr(move, "propose", recording_propose)

    monkeypatch.setattr(Pool, "drop_repeats", counting_drop_repeats)
    monkeypatch.setattr(Pool, "add", counting_add)
    for move in (Linear, Evolution, Mutation, Crossover):
        record_pending(move)
    run(sines, 1, 400)
    assert set(pending["linear"]) == set(pending["CMA-ES"]) == {0}
    assert len(pending["linear"]) > 3
    assert max(pending["mutation"] + pending["crossover"]) == 1
