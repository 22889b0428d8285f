import json

import numpy as np
import pytest

from unsynth.models.posterior import Posterior
from unsynth.search.candidates import Candidate, Target
from unsynth.search.space import Space
from unsynth.studies.folder import StudyError
from unsynth.studies.plain_searches import evolution_strategy, genetic
from unsynth.studies.search import WAYS, SearchStudy, _Matcher, run_search_study
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.locks import Locks

RENDERS = 84


def test_a_study_is_stopped_and_gone_on_with(tmp_path):
    asked = SearchStudy("dx7", ("draws:2",), targets=1, renders=RENDERS)
    done: list[str] = []

    def stop_after_two(line: str) -> None:
        done.append(line)
        if len(done) == 2:
            raise KeyboardInterrupt

    out = tmp_path / "study"
    with pytest.raises(KeyboardInterrupt):
        run_search_study(asked, out, say=stop_after_two)
    cells = sorted(path.name for path in out.glob("set1-*.json"))
    assert len(cells) == 2
    kept = [(out / name).read_bytes() for name in cells]
    with pytest.raises(StudyError, match="--resume"):
        run_search_study(asked, out)
    other = SearchStudy("dx7", ("draws:2",), targets=1, renders=RENDERS + 1)
    with pytest.raises(StudyError, match="other renders"):
        run_search_study(other, out, resume=True)

    table = run_search_study(asked, out, resume=True, say=done.append)
    assert [(out / name).read_bytes() for name in cells] == kept
    assert len(done) == len(WAYS)
    assert [row[1] for row in table.rows] == list(WAYS.values())
    found = {
        each["way"]: each
        for each in (json.loads(path.read_text()) for path in out.glob("set1-*.json"))
    }
    renders = {way: each["renders"] for way, each in found.items()}
    searches = ("search", "evolution", "random", "index")
    assert renders == dict.fromkeys(searches, RENDERS) | {"one": 1, "best": 16, "nearest": 64}
    # What a search starts from is among its answers; the distance is what it minimises.
    assert (
        found["search"]["distance"]
        <= min(found["best"]["distance"], found["nearest"]["distance"]) * 1.1
    )
    assert (out / "table.md").read_text().count("\n") == 2 + len(WAYS)


def test_a_silent_sample_is_drawn_anew(monkeypatch):
    task, drawn = load_task("dx7"), []
    levels = [i for i, name in enumerate(task.spec.names) if name.endswith("output_level")]
    sample = Posterior.sample

    def first_silent(self, *arguments, **settings):
        samples = sample(self, *arguments, **settings)
        if not drawn:
            samples[:, levels] = 0
        drawn.append(samples)
        return samples

    monkeypatch.setattr(Posterior, "sample", first_silent)
    patch = task.sample(np.random.default_rng(0))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    matcher = _Matcher(task, SearchStudy("dx7", ("draws:1",), targets=1, renders=RENDERS))
    try:
        answer = matcher.match(Target("a draw", audio, 44_100), "one", (0,))
    finally:
        matcher.close()
    assert len(drawn) == answer["renders"] == 2


def test_too_few_renders_are_refused():
    with pytest.raises(StudyError, match="give at least 81"):
        SearchStudy("dx7", ("draws:2",), targets=1, renders=80)


@pytest.mark.parametrize("way", ["genetic", "evolution"])
def test_plain_searches_come_nearer_and_keep_locks(task, way):
    """On a distance that needs no sound: that of the vector to a certain one."""
    space = Space(task, Locks(task, {"note.pitch": 57.0}))
    wanted = space.encode([task.sample(np.random.default_rng(1))])[0]
    curve: list[float] = []
    nothing = np.zeros((1, 0), dtype=np.float32)

    def judge(proposals):
        for patch, origin in proposals:
            task.spec.check(patch[None])
            assert patch[task.spec.position["note.pitch"]] == 57.0
            score = float(np.abs(space.encode([patch])[0] - wanted).mean())
            curve.append(score)
            yield Candidate(patch, nothing, score, origin)

    rng = np.random.default_rng(2)
    if way == "genetic":
        start = list(judge([(space.hold(task.sample(rng)), "prior") for _ in range(24)]))
        genetic(space, start, judge, 150, rng)
        assert len(curve) == 174
    else:
        evolution_strategy(space, lambda: task.sample(rng), judge, 100, rng)
        assert len(curve) == 100
    assert min(curve[30:]) < min(curve[:24])
