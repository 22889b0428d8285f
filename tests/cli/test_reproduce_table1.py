"""``unsynth reproduce table1`` on a model that has learned nothing, and on a changed copy of it."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.commands import failing, output
from tests.models.small import SMALL, small_flow
from unsynth.errors import UnsynthError
from unsynth.evaluation.compare import compare
from unsynth.evaluation.estimates import estimate
from unsynth.evaluation.folder import read_evaluation
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.flow.solver import Solver
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact
from unsynth.rendering.renderer import Renderer
from unsynth.studies.search import check_renders
from unsynth.studies.table1 import Table1Plan, TrainedModel, run_table1

pytestmark = pytest.mark.usefixtures("scores_here")


@pytest.fixture(scope="module")
def other(task, tmp_path_factory) -> str:
    """Another model, whose samples come from one step of the solver instead of two."""
    path = tmp_path_factory.mktemp("model") / "dx7.safetensors"
    sampling = SamplingSettings(solver=Solver.EULER, steps=1)
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), sampling, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    return str(path)


@pytest.fixture(scope="module")
def command(model, other) -> list[str]:
    models = [f"CNF (A)={model}", f"CNF (B)={other}"]
    options = ["--candidates", "2", "--limit", "3", "--workers", "1"]
    return ["reproduce", "table1", *models, "--dataset", "draws:3", *options]


@pytest.fixture(scope="module")
def study(command, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("table1") / "study"
    printed = output(*command, "--out", out)
    assert "CNF (B): 3 targets of draws:3" in printed and "dx7, draws:3" in printed
    return out


def cells(study: Path) -> dict[str, list[str]]:
    lines = (study / "table.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {row[0]: row[1:] for row in rows}


def test_the_table_has_the_means_of_the_evaluations(study):
    table, folders = cells(study), {name: study / f"cnf-{name}-draws-3" for name in "ab"}
    for name, folder in folders.items():
        rows = read_evaluation(folder)[1]
        for key, label in [("one", "one sample"), ("best", "best of 2")]:
            mean = np.mean([row[f"{key}.mss"] for row in rows])
            assert table[f"CNF ({name.upper()}): {label}"][0].startswith(f"{mean:.2f} ±")
    mean, low, high = compare([folders["a"], folders["b"]]).intervals[folders["b"].name]["mss"]
    assert mean != 0.0
    assert table["CNF (B): one sample"][-1] == f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"
    assert table["CNF (A): one sample"][-1] == ""
    assert {"random draw", "noise floor", "nearest of 40,000 draws"} <= set(table)
    latex = (study / "table.tex").read_text(encoding="utf-8")
    assert r"\begin{tabular}" in latex and latex.isascii()


def test_a_study_grows_and_keeps_what_is_scored(
    command, study, tmp_path, model, short_matches, capsys, monkeypatch
):
    renderers = []
    monkeypatch.setattr(
        "unsynth.studies.search.Renderer",
        lambda synth, workers: renderers.append(workers) or Renderer(synth, workers),
    )
    out = shutil.copytree(study, tmp_path / "study")
    journal = (out / "cnf-a-draws-3" / "items.jsonl").read_bytes()
    grown = [*command, f"third={model}", "--dataset", "draws:1"]
    grown += ["--search-renders", "81", "--out", out]
    assert "add --resume" in failing(capsys, *grown)
    printed = output(*grown, "--resume")
    assert (out / "cnf-a-draws-3" / "items.jsonl").read_bytes() == journal
    assert "dx7, draws:1" in printed and "CNF (B): 1 targets of draws:1" in printed
    assert "third: best of 2" in printed
    answers = [
        json.loads(path.read_text("utf-8")) for path in out.glob("searches/dx7-draws-3/0*.json")
    ]
    table = cells(out)["search, 81 renders"]  # of the last set, with one target
    assert len(answers) == 3 and {answer["renders"] for answer in answers} == {81}
    (answer,) = (
        json.loads(path.read_text("utf-8")) for path in out.glob("searches/dx7-draws-1/0*.json")
    )
    assert table[0].startswith(f"{answer['mss']:.2f}")
    (row,) = read_evaluation(out / "cnf-a-draws-1")[1]
    assert table[-1].startswith(f"{answer['mss'] - row['best.mss']:+.2f}")
    other = [*grown[: grown.index("81")], "90", *grown[grown.index("81") + 1 :], "--resume"]
    assert "has searches of 81 renders" in failing(capsys, *other)
    (damaged,) = out.glob("searches/dx7-draws-1/0*.json")
    damaged.write_text(json.dumps({"mss": 1.0, "wmfcc": 1.0, "sot": 1.0, "rms": 1.0}), "utf-8")
    again = [part for part in grown if part not in ("--search-renders", "81")]
    assert "holds no answer of this version" in failing(capsys, *again, "--resume")
    damaged.unlink()
    printed = output(*again, "--resume")  # it goes on with the search that it had
    assert "search, 81 renders" in printed and printed.count("search: MSS") == 1
    first, second = command[2:4]
    reordered = ["reproduce", "table1", second, first, *command[4:], "--out", out, "--resume"]
    assert "of other models, or in another order" in failing(capsys, *reordered)
    assert set(renderers) == {1}
    fewer = [*command, f"third={model}", "--out", out, "--resume"]
    assert "of other datasets" in failing(capsys, *fewer)


def test_samples_that_were_drawn_before_are_taken(command, other, task, tmp_path, monkeypatch):
    """Also those of the second model, of which the study scores samples alone."""
    folder = tmp_path / "tones"
    folder.mkdir()
    times = np.arange(44_100) / 44_100
    soundfile.write(folder / "a.wav", 0.5 * np.sin(2 * np.pi * 220.0 * times), 44_100)
    out = tmp_path / "study"
    out.mkdir()
    drawn = out / re.sub(r"[^\w.]+", "-", f"CNF (B)-{folder}").lower()
    *_, result = estimate(EvaluationRequest(other, [str(folder)], candidates=2), drawn, "cpu")
    (samples,) = (result.folder / "samples").iterdir()
    before = samples.read_bytes()
    models = command[2:4]
    output(
        *("reproduce", "table1", *models, "--dataset", folder, "--candidates", "2"),
        *("--workers", "1", "--out", out),
    )
    assert samples.read_bytes() == before
    assert [row["samples_stored"] for row in read_evaluation(drawn)[1]] == [True]
    assert "samples of 1 targets were drawn before" in (drawn / "table.md").read_text("utf-8")


@pytest.mark.parametrize(
    "command", [["search", "dx7", "--renders"], ["table1", "--search-renders"]]
)
def test_the_least_number_of_renders_is_that_of_the_help(capsys, command):
    check_renders(81)
    with pytest.raises(UnsynthError, match="at least 81"):
        check_renders(80)
    assert "80 is not in the range x>=81" in failing(capsys, "reproduce", *command, "80")


def test_faults_are_found_before_anything_is_scored(model, tmp_path):
    same = [TrainedModel("a", model), TrainedModel("A", model)]
    for models, datasets, message in [
        (same, ["draws:1"], "two models or two sets have the same name"),
        (same[:1], ["draws:1", "draws:1"], "two models or two sets have the same name"),
        (same[:1], ["draws:1", "draws:x"], "give a number of draws"),
    ]:
        with pytest.raises(UnsynthError, match=message):
            run_table1(Table1Plan(models, datasets, None, 2, 0), tmp_path / "study")
        assert not (tmp_path / "study").exists()
    few = Table1Plan(same[:1], ["draws:1"], None, 2, 0, search_renders=80)
    with pytest.raises(UnsynthError, match="80 renders are too few: give at least 81"):
        run_table1(few, tmp_path / "study")
    assert not (tmp_path / "study").exists()
