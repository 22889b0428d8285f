"""Different answers of a search, and how far they determine each knob."""

from contextlib import closing

import numpy as np
import pytest

from tests.tiny import RATE, TinySynth, TinyTask
from unsynth.matching.choosing import shortlist
from unsynth.matching.diversity import choose_distinct, mel_distance
from unsynth.matching.spread import measure_spread
from unsynth.metrics.agreement import disagreement, fractions
from unsynth.metrics.audio import AudioMetrics
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.tasks.structure import canonical_structure

BASE = np.array([15, 2, 1.0, 10, 3, 0.5, 1, 0.5, 60, 0.0, 1.0])


def make_candidate(score: float, **changes: float) -> Candidate:
    task = TinyTask()
    patch = BASE.copy()
    for name, value in changes.items():
        patch[task.spec.position[name.replace("_", ".")]] = value
    return Candidate(patch, TinySynth().render(patch, task.note(patch)), score, "test")


def kept_scores(ranked: list[Candidate], count: int) -> list[float]:
    mss = {candidate: candidate.score for candidate in ranked}
    return [c.score for c in choose_distinct(TinyTask(), mss, count, RATE)]


def make_swapped(score: float) -> Candidate:
    """A candidate whose two oscillators are exchanged."""
    patch = BASE.copy()
    patch[:6] = BASE[[3, 4, 5, 0, 1, 2]]
    return Candidate(patch, TinySynth().render(patch, TinyTask().note(patch)), score, "test")


def test_near_copies_are_left_out_and_other_structures_are_kept():
    first, copy = make_candidate(1.0), make_candidate(1.1, osc2_decay=0.501)
    other_structure = make_candidate(1.2, second=0, osc1_level=14)  # the second oscillator is off
    other_sound = make_candidate(1.3, osc1_ratio=9, osc2_ratio=11)
    assert mel_distance(first.audio, copy.audio, RATE) < 1.0
    ranked = [first, copy, make_swapped(1.15), other_structure, other_sound]
    assert kept_scores(ranked, 8) == [1.0, 1.2, 1.3]
    assert kept_scores(ranked, 2) == [1.0, 1.2]
    assert kept_scores(ranked, 1) == [1.0]


def test_half_of_the_places_after_the_first_are_for_other_structures():
    """One is nearer than the others of its structure, and one is too far from the sound."""
    many = [make_candidate(1.0 + 0.01 * i, osc1_ratio=1 + i) for i in range(8)]
    other = make_candidate(1.45, second=0, osc1_ratio=2)
    other_copy = make_candidate(1.48, second=0, osc1_ratio=3)
    ranked = [*many, other, other_copy]
    assert kept_scores(ranked, 4) == [1.0, 1.01, 1.02, 1.45]
    assert kept_scores(ranked, 9) == [*(c.score for c in many), 1.45]
    assert kept_scores([*many, make_candidate(1.51, second=0)], 4) == [1.0, 1.01, 1.02, 1.03]


def test_other_algorithms_come_before_other_differences(task):
    """Operator 1 of six carriers is silent, or in fixed mode; algorithm 5 is further away."""
    patch = task.sample(np.random.default_rng(1))
    at = task.spec.position
    patch[at["algorithm"]] = 31
    for op in range(1, 7):
        patch[[at[f"op{op}.output_level"], at[f"op{op}.level1"], at[f"op{op}.mode"]]] = 90, 99, 0
    changes = [{}, {"op1.output_level": 0}, {"op1.mode": 1}, {"algorithm": 4}]
    mss = {}
    for i, change in enumerate(changes):
        other = patch.copy()
        for name, value in change.items():
            other[at[name]] = value
        mss[Candidate(other, np.ones((1, 44_100), dtype=np.float32), 0.0, "")] = 1.0 + 0.1 * i
    kept = choose_distinct(task, mss, 3, 44_100)
    assert [int(candidate.patch[at["algorithm"]]) for candidate in kept] == [31, 31, 4]
    assert list(mss)[:2] == kept[:2]


def test_the_shortlist_has_the_best_of_other_structures(monkeypatch):
    many = [make_candidate(1.0 + 0.001 * i) for i in range(70)]
    others = [make_candidate(2.0 + i, second=0) for i in range(3)]
    scores = [candidate.score for candidate in shortlist(TinyTask(), [*many, *others])]
    assert scores == [c.score for c in many[:64]] + [2.0]
    monkeypatch.setattr("unsynth.matching.choosing._MOST_FINALISTS", 64)
    assert shortlist(TinyTask(), [*many, *others]) == many[:64]


def test_structures_are_equal_up_to_symmetries(task):
    """Without feedback, algorithms 1 and 2 of a DX7 are the same."""
    rng = np.random.default_rng(0)
    patch = task.sample(rng)
    at = task.spec.position
    patch[at["feedback"]] = 0
    patch[at["algorithm"]] = 0
    other = patch.copy()
    other[at["algorithm"]] = 1
    third = patch.copy()
    third[at["algorithm"]] = 20
    structures = [canonical_structure(task, each) for each in (patch, other, third)]
    assert structures[0] == structures[1] != structures[2]


def test_knobs_that_good_candidates_share_have_no_freedom():
    rng = np.random.default_rng(1)
    ranked = [make_candidate(1.0), make_swapped(1.01)]
    for i in range(40):
        ranked.append(make_candidate(1.02 + 0.001 * i, osc1_level=15, width=rng.random()))
    ranked.append(make_candidate(9.0, osc1_ratio=12))  # too far away to count
    spread = measure_spread(TinyTask(), ranked, rng)
    assert spread is not None and spread.patches == 42
    knobs = {knob.name: knob for knob in spread.knobs}
    assert knobs["osc1.ratio"].freedom == knobs["osc2.level"].freedom == 0.0  # by the nearest image
    assert knobs["osc1.ratio"].values == (2.0, 2.0)
    assert 0.5 < knobs["width"].freedom < 1.5
    assert knobs["second"].values == (1.0,)
    assert measure_spread(TinyTask(), ranked[:4], rng) is None


def test_disagreement_is_0_at_the_noise_floor_and_1_at_chance():
    floor, chance = AudioMetrics(0.5, 1.0, 0.01, 0.99), AudioMetrics(8.5, 11.0, 0.21, 0.59)
    assert fractions(floor, floor, chance) == pytest.approx((0.0,) * 4)
    assert fractions(chance, floor, chance) == pytest.approx((1.0,) * 4)
    middle = AudioMetrics(4.5, 6.0, 0.11, 0.79)
    assert disagreement(middle, floor, chance) == pytest.approx(0.5)
    # A metric by which chance is as good as the noise floor does not count.
    chance = chance._replace(rms=0.99)
    assert abs(disagreement(middle._replace(rms=0.98), floor, chance)) < 0.6


def test_the_judge_keeps_candidates_of_every_structure():
    """Hundreds of one structure do not displace the few of another."""
    task = TinyTask()
    target = Target("own", make_candidate(0.0).audio, RATE)
    distances = iter([5.0, 6.0, 7.0, *(2.0 - 0.001 * i for i in range(200))])
    few = [(make_candidate(0.0, second=0, osc1_level=i).patch, "few") for i in (3, 4, 5)]
    many = [(make_candidate(0.0, width=i / 200).patch, "many") for i in range(200)]
    with (
        Renderer(task.synth, workers=1) as renderer,
        closing(Judge(task, target, renderer, lambda sounds: np.array([next(distances)]))) as judge,
    ):
        assert len(list(judge([*few, *many]))) == judge.renders == 203
        ranked = judge.ranked()
    assert [c.origin for c in ranked] == ["many"] * 16 + ["few"] * 3
    assert ranked[0].score == judge.history[-1].score == pytest.approx(1.801)
