"""Ranking of a match's candidates: energy below 20 Hz costs, and is told."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from unsynth.matching.choosing import order_by_all_metrics, rank_by_mss
from unsynth.matching.run import _subsonic_remarks
from unsynth.metrics.audio import audio_metrics
from unsynth.rendering.renderer import Renderer
from unsynth.search.candidates import Target
from unsynth.search.judge import Judge
from unsynth.synths.dx7 import DX7
from unsynth.tasks.dx7.layout import OP, OPERATORS, WIDTH
from unsynth.tasks.locks import Locks


@pytest.fixture(scope="module")
def patches(task):
    """A carrier alone, the same a little detuned, and the same with another at 1 Hz."""
    note = {"note.pitch": 57.0, "note.onset": 0.0, "note.duration": 2.0, "algorithm": 31.0}
    patch = Locks(task, note).hold(task.neutral(task.sample(np.random.default_rng(0))))
    patch[task.spec.position["feedback"]] = 0
    operators = patch[: OPERATORS * WIDTH].reshape(OPERATORS, WIDTH)
    operators[:], operators[:, :8] = 0, 99
    operators[:, OP["ratio_coarse"]], operators[:, OP["output_level"]] = 1, 0
    operators[0, OP["output_level"]] = 90
    detuned, subsonic = patch.copy(), patch.copy()
    at = task.spec.position
    detuned[at["op1.ratio_detune"]] = 4
    subsonic[at["op6.mode"]], subsonic[at["op6.output_level"]] = 1, 99
    return patch, detuned, subsonic


@pytest.fixture(scope="module")
def target(task, patches):
    sound = DX7().render(task.engine_patch(patches[0]), task.note(patches[0]))
    return Target("a tone", sound, 44_100)


@pytest.fixture(scope="module")
def candidates(task, patches, target):
    with (
        Renderer(DX7) as renderer,
        closing(Judge(task, target, renderer, target.fast_distance)) as judge,
    ):
        return list(judge([(patch, "") for patch in patches]))


def test_candidates_come_in_the_order_of_their_proposals(task, patches, target):
    proposals = [(patches[i % 3], str(i)) for i in range(8)]
    with (
        Renderer(DX7, workers=1) as renderer,
        closing(Judge(task, target, renderer, target.fast_distance)) as judge,
    ):
        origins = [candidate.origin for candidate in judge(proposals)]
    assert origins == [origin for _, origin in proposals]


def test_a_score_is_the_distance_and_the_cost(target, candidates):
    for candidate in candidates:
        distance = target.fast_distance(candidate.audio[None])[0]
        cost = target.subsonic_cost(candidate.audio)
        assert candidate.score == pytest.approx(distance + cost)
    own, detuned, subsonic = candidates
    assert own.score == 0.0 and target.subsonic_cost(detuned.audio) == 0.0
    assert target.subsonic_cost(subsonic.audio) > 1.5


def test_the_result_prefers_a_patch_without_energy_below_20_hz(target, candidates):
    detuned, subsonic = candidates[1:]
    with ThreadPoolExecutor(1) as pool:
        ranked, _ = rank_by_mss(target, [subsonic, detuned], {"prior": [subsonic]}, pool)
    assert list(ranked) == [detuned, subsonic]


def test_a_start_with_energy_below_20_hz_is_no_bound(target, candidates):
    """By plain MSS this start is nearer than all that is kept."""
    own, detuned, subsonic = (
        (candidate, audio_metrics(target.audio, candidate.audio)) for candidate in candidates
    )
    start = subsonic[0], own[1]
    floor, chance = own[1], subsonic[1]
    ordered = order_by_all_metrics(target, [detuned, subsonic], [start], [chance], floor)
    assert ordered == [detuned, subsonic]


def test_the_user_is_told_of_energy_below_20_hz(target, candidates):
    own, detuned, subsonic = candidates
    assert _subsonic_remarks(target, own) == _subsonic_remarks(target, detuned) == ()
    (remark,) = _subsonic_remarks(target, subsonic)
    assert "20 Hz" in remark and " dB" in remark
    itself = Target("with 1 Hz", subsonic.audio, 44_100)
    assert _subsonic_remarks(itself, subsonic) == ()
