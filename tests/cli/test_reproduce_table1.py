"""``unsynth reproduce table1`` on a model that has learned nothing, and on a changed copy of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.commands import failing, output
from tests.models.small import SMALL, small_flow
from unsynth.evaluation.compare import compare
from unsynth.evaluation.folder import read_evaluation
from unsynth.flow.solver import Solver
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact
from unsynth.studies.folder import StudyError
from unsynth.studies.table1 import Table1Plan, TrainedModel, run_table1


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
    lines = (study / "table.md").read_text().splitlines()
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
    assert r"\begin{tabular}" in (study / "table.tex").read_text()


def test_a_study_grows_and_keeps_what_is_scored(command, study, tmp_path, model, capsys):
    out = shutil.copytree(study, tmp_path / "study")
    journal = (out / "cnf-a-draws-3" / "items.jsonl").read_bytes()
    grown = [*command, f"third={model}", "--dataset", "draws:1", "--out", out]
    assert "add --resume" in failing(capsys, *grown)
    printed = output(*grown, "--resume")
    assert (out / "cnf-a-draws-3" / "items.jsonl").read_bytes() == journal
    assert "dx7, draws:1" in printed and "third: best of 2" in printed
    reordered = ["reproduce", "table1", command[3], *command[4:], "--out", out, "--resume"]
    assert "or in another order" in failing(capsys, *reordered)


def test_models_need_names_of_their_own(model, tmp_path):
    plan = Table1Plan([TrainedModel("a", model), TrainedModel("A", model)], ["draws:1"], None, 2, 0)
    with pytest.raises(StudyError, match="each model needs its own name: write NAME=FILE"):
        run_table1(plan, tmp_path / "study")
