"""Of what a search found: answers that differ, and what they say of the knobs."""

from contextlib import closing

import numpy as np
import pytest

from tests.tiny import RATE, TinySynth, TinyTask
from unsynth.matching.diversity import distinct, mel_distance
from unsynth.matching.spread import spread
from unsynth.metrics.agreement import disagreement, fractions
from unsynth.metrics.audio import AudioMetrics
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.tasks.structure import canonical_structure

BASE = np.array([15, 2, 1.0, 10, 3, 0.5, 1, 0.5, 60, 0.0, 1.0])


def candidate(score: float, **changes: float) -> Candidate:
    task = TinyTask()
    patch = BASE.copy()
    for name, value in changes.items():
        patch[task.spec.position[name.replace("_", ".")]] = value
    return Candidate(patch, TinySynth().render(patch, task.note(patch)), score, "test")


def swapped(score: float) -> Candidate:
    patch = BASE.copy()
    patch[:6] = BASE[[3, 4, 5, 0, 1, 2]]
    return Candidate(patch, TinySynth().render(patch, TinyTask().note(patch)), score, "test")


def test_copies_are_left_out_and_other_structures_are_not():
    first, copy = candidate(1.0), candidate(1.1, osc2_decay=0.501)
    alike = candidate(1.2, second=0, osc1_level=14)  # the second oscillator is off
    other = candidate(1.3, osc1_ratio=9, osc2_ratio=11)
    assert mel_distance(first.audio, copy.audio, RATE) < 1.0
    kept = distinct(TinyTask(), [first, copy, swapped(1.15), alike, other], 8, RATE)
    assert [c.score for c in kept] == [1.0, 1.2, 1.3]
    assert len(distinct(TinyTask(), [first, copy, alike, other], 2, RATE)) == 2


def test_structures_are_the_same_up_to_exchanges(task):
    """Without feedback, algorithms 1 and 2 of a DX7 are one."""
    rng = np.random.default_rng(0)
    patch = task.sample(rng)
    at = task.spec.position
    patch[at["feedback"]] = 0
    patch[at["algorithm"]] = 0
    other = patch.copy()
    other[at["algorithm"]] = 1
    third = patch.copy()
    third[at["algorithm"]] = 20
    names = [canonical_structure(task, each) for each in (patch, other, third)]
    assert names[0] == names[1] != names[2]


def test_what_good_candidates_share_is_set():
    rng = np.random.default_rng(1)
    found = [candidate(1.0), swapped(1.01)]
    for i in range(40):
        found.append(candidate(1.02 + 0.001 * i, osc1_level=15, width=rng.random()))
    found.append(candidate(9.0, osc1_ratio=12))  # too far away to count
    said = spread(TinyTask(), found, rng)
    assert said is not None and said.patches == 42
    knobs = {knob.name: knob for knob in said.knobs}
    assert knobs["osc1.ratio"].freedom == knobs["osc2.level"].freedom == 0.0  # put in order first
    assert knobs["osc1.ratio"].values == (2.0, 2.0)
    assert 0.5 < knobs["width"].freedom < 1.5
    assert knobs["second"].values == (1.0,)
    assert spread(TinyTask(), found[:4], rng) is None


def test_metrics_lie_between_the_engine_and_chance():
    floor, chance = AudioMetrics(0.5, 1.0, 0.01, 0.99), AudioMetrics(8.5, 11.0, 0.21, 0.59)
    assert fractions(floor, floor, chance) == pytest.approx((0.0,) * 4)
    assert fractions(chance, floor, chance) == pytest.approx((1.0,) * 4)
    middle = AudioMetrics(4.5, 6.0, 0.11, 0.79)
    assert disagreement(middle, floor, chance) == pytest.approx(0.5)
    # A metric by which chance is no worse than the engine does not decide.
    level = chance._replace(rms=0.99)
    assert abs(disagreement(middle._replace(rms=0.98), floor, level)) < 0.6


def test_the_best_of_each_structure_are_remembered():
    """Hundreds of one structure do not push out the few of another."""
    task = TinyTask()
    target = Target("own", candidate(0.0).audio, RATE)
    distances = iter([5.0, 6.0, 7.0, *(2.0 - 0.001 * i for i in range(200))])
    few = [(candidate(0.0, second=0, osc1_level=i).patch, "few") for i in (3, 4, 5)]
    many = [(candidate(0.0, width=i / 200).patch, "many") for i in range(200)]
    with (
        Renderer(task.synth, workers=1) as renderer,
        closing(Judge(task, target, renderer, lambda sounds: np.array([next(distances)]))) as judge,
    ):
        assert len(list(judge([*few, *many]))) == judge.renders == 203
        ranked = judge.ranked()
    assert [c.origin for c in ranked] == ["many"] * 16 + ["few"] * 3
    assert ranked[0].score == judge.history[-1].score == pytest.approx(1.801)
