"""The study of searches, and the baseline searches without a model."""

import json
import threading
import time

import numpy as np
import pytest
from filelock import FileLock

from unsynth.formats.syx import init_voice, rename_voice, write_voice
from unsynth.metrics.audio import AudioMetrics
from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Target
from unsynth.search.judge import Judge
from unsynth.search.space import Space
from unsynth.studies.folder import StudyError
from unsynth.studies.plain_searches import evolution_strategy, genetic
from unsynth.studies.search import WAYS, SearchPlan, StudyMatcher, run_search_study
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks

RENDERS = 84


@pytest.fixture
def few(short_matches, monkeypatch) -> int:
    """The renders of a study whose ways take few samples and draws of the index."""
    monkeypatch.setattr("unsynth.studies.search.SAMPLES", 4)
    monkeypatch.setattr("unsynth.studies.search.NEAREST", 12)
    monkeypatch.setattr("unsynth.studies.search.PARENTS", 12)
    return 24


def test_stopped_study_resumes_without_repeating_work(tmp_path, few):
    plan = SearchPlan("dx7", ("draws:2",), targets=1, renders=few)
    lines: list[str] = []

    def stop_after_two(line: str) -> None:
        lines.append(line)
        if len(lines) == 2:
            raise KeyboardInterrupt

    out = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        run_search_study(plan, out, report=stop_after_two)
    names = sorted(path.name for path in out.glob("set1-*.json"))
    assert len(names) == 2
    contents = [(out / name).read_bytes() for name in names]
    with pytest.raises(StudyError, match="--resume"):
        run_search_study(plan, out)
    other = SearchPlan("dx7", ("draws:2",), targets=1, renders=few + 1)
    with pytest.raises(StudyError, match=f"with renders {few}, not {few + 1}"):
        run_search_study(other, out, resume=True)

    table = run_search_study(plan, out, resume=True, report=lines.append)
    assert [(out / name).read_bytes() for name in names] == contents
    assert len(lines) == len(WAYS)
    assert [row[1] for row in table.rows] == list(WAYS.values())
    answers = {
        answer["way"]: answer
        for answer in (json.loads(path.read_text()) for path in out.glob("set1-*.json"))
    }
    renders = {way: answer["renders"] for way, answer in answers.items()}
    searches = ("search", "evolution", "random", "index")
    assert renders == dict.fromkeys(searches, few) | {"one": 1, "best": 4, "nearest": 12}
    # The best of a search is no worse than its starting patches, but MSS picks the answer among
    # the nearest, so its distance may be a little larger.
    assert (
        answers["search"]["distance"]
        <= min(answers["best"]["distance"], answers["nearest"]["distance"]) * 1.1
    )
    assert (out / "table.md").read_text().count("\n") == 2 + len(WAYS)


def test_processes_share_a_study(tmp_path, few, monkeypatch):
    """The target of another process is waited for at the end, and matched if it was not."""
    ways = {way: WAYS[way] for way in ("search", "nearest")}
    monkeypatch.setattr("unsynth.studies.search.WAYS", ways)
    first, second = np.random.default_rng((0, 0)).permutation(2)
    out = tmp_path / "study"
    out.mkdir()
    lines, held, waits = [], threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(out / f"set1-{first:04d}.lock"):
            held.set()
            waits.wait(60)
            time.sleep(0.3)

    def report(line: str) -> None:
        lines.append(line.split(":")[0])
        if line == "waiting for targets of other processes: 1":
            waits.set()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(60)
    run_search_study(SearchPlan("dx7", ("draws:2",), targets=2, renders=few), out, report=report)
    other.join()
    taken, waited = ([f"test-{number:06d}"] * len(ways) for number in (second, first))
    assert lines == [*taken, "waiting for targets of other processes", *waited]
    assert not list(out.glob("*.lock"))


def test_silent_sample_is_replaced(monkeypatch):
    task, batches = load_task("dx7"), []
    levels = [i for i, name in enumerate(task.spec.names) if name.endswith("output_level")]
    sample = Posterior.sample

    def first_silent(self, *arguments, **settings):
        samples = sample(self, *arguments, **settings)
        if not batches:
            samples[:, levels] = 0
        batches.append(samples)
        return samples

    monkeypatch.setattr(Posterior, "sample", first_silent)
    patch = task.sample(np.random.default_rng(0))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    matcher = StudyMatcher(task, RENDERS)
    try:
        answer = matcher.match(Target("a draw", audio, 44_100), "one", (0,))
    finally:
        matcher.close()
    assert len(batches) == answer["renders"] == 2


def test_a_task_without_a_model_is_matched_in_the_other_ways(tmp_path, monkeypatch, few):
    monkeypatch.setattr("unsynth.studies.search.shipped_artifact", lambda name: None)
    plan = SearchPlan("dx7", ("draws:1",), targets=1, renders=few)
    table = run_search_study(plan, tmp_path / "study", report=lambda line: None)
    ways = [way for way in WAYS if way not in ("one", "best")]
    assert [row[1] for row in table.rows] == [WAYS[way] for way in ways]
    assert json.loads((tmp_path / "study" / "plan.json").read_text())["model"] is None
    answers = {
        way: json.loads((tmp_path / f"study/set1-0000-{way}.json").read_text()) for way in ways
    }
    assert answers["search"]["renders"] == few
    assert answers["search"]["distance"] <= 1.1 * answers["nearest"]["distance"]


def test_too_few_renders_are_refused():
    with pytest.raises(StudyError, match="give at least 81"):
        SearchPlan("dx7", ("draws:2",), targets=1, renders=80)


@pytest.mark.parametrize("way", ["genetic", "evolution"])
def test_plain_searches_improve_and_keep_locked_values(task, way):
    """The distance needs no sound: it is that of the encoded patch to a fixed vector."""
    space = Space(task, Locks(task, {"note.pitch": 57.0}))
    target = space.encode([task.sample(np.random.default_rng(1))])[0]
    scores: list[float] = []
    no_audio = np.zeros((1, 0), dtype=np.float32)

    def judge(proposals):
        for patch, origin in proposals:
            task.spec.check(patch[None])
            assert patch[task.spec.position["note.pitch"]] == 57.0
            score = float(np.abs(space.encode([patch])[0] - target).mean())
            scores.append(score)
            yield Candidate(patch, no_audio, score, origin)

    rng = np.random.default_rng(2)
    if way == "genetic":
        start = list(judge([(space.hold(task.sample(rng)), "prior") for _ in range(24)]))
        genetic(space, start, judge, 150, rng)
        assert len(scores) == 174
    else:
        evolution_strategy(space, lambda: task.sample(rng), judge, 400, rng)
        assert len(scores) == 400
    assert min(scores[30:]) < min(scores[:24])


def test_a_target_without_an_audible_render_is_left_out(tmp_path, monkeypatch, few):
    monkeypatch.setattr("unsynth.studies.search.WAYS", {"search": "this search"})
    ranked, matched = Judge.ranked, iter((False, True))
    monkeypatch.setattr(Judge, "ranked", lambda judge: ranked(judge) if next(matched) else [])
    out = tmp_path / "study"
    table = run_search_study(SearchPlan("dx7", ("draws:2",), targets=2, renders=few), out)
    assert [row[2] for row in table.rows] == ["1"]
    page = (out / "table.md").read_text()
    assert "1 of 2 targets are left out" in page and "renders of this search are silent" in page


def test_targets_that_cannot_be_matched_are_left_out_and_listed(tmp_path, monkeypatch):
    """Matching itself is not the matter here, so each answer is made at once."""
    zeros = rename_voice(np.zeros(155, dtype=np.uint8), "ZEROS")
    bank = tmp_path / "bank.syx"
    bank.write_bytes(write_voice(init_voice()) + write_voice(zeros))

    def answer(self, target, way, seed):
        scores = dict.fromkeys(AudioMetrics._fields, 1.0)
        return {"target": target.name, "way": way, "seconds": 0.0, "parameters": {}, **scores}

    monkeypatch.setattr(StudyMatcher, "match", answer)
    plan, lines = SearchPlan("dx7", (str(bank),), targets=2, renders=RENDERS), []
    table = run_search_study(plan, tmp_path / "study", report=lines.append)
    assert {row[2] for row in table.rows} == {"1"}
    reason = "bank/02 ZEROS: is silent: its loudest 50 ms are below -60 dB"
    assert f"left out: {reason}" in lines and "1 of 2 targets are left out" in lines[-1]
    page = (tmp_path / "study" / "table.md").read_text()
    assert page.endswith(f"\n\n1 of 2 targets are left out of all means:\n- {reason}\n")
    lines.clear()
    run_search_study(plan, tmp_path / "study", resume=True, report=lines.append)
    assert f"left out: {reason}" in lines and len(lines) == 2
    answer_path = next((tmp_path / "study").glob("set1-*-best.json"))
    whole = answer_path.read_text()
    for damaged in ("", "[" * 9999, "{}", whole.replace("1.0", "NaN", 1), whole[:-9], "[1]"):
        answer_path.write_text(damaged)
        with pytest.raises(StudyError, match=r"-best\.json: .*; delete it$"):
            run_search_study(plan, tmp_path / "study", resume=True)
    answer_path.write_text(whole)
    bank.write_bytes(write_voice(zeros) + write_voice(zeros))
    with pytest.raises(StudyError, match=r"with of\..*content_sha256 '\w+', not '\w+'; choose"):
        run_search_study(plan, tmp_path / "study", resume=True)
    with pytest.raises(StudyError, match=r"none of the 2 targets can be matched: bank/01 ZEROS"):
        run_search_study(plan, tmp_path / "other")
