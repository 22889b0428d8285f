"""``unsynth reproduce arms`` on small experiments."""

import json
import shlex
import shutil

import pytest
import yaml
from click.testing import CliRunner
from filelock import FileLock

from tests.data.sets import make_set
from tests.models.small import MLP, REGRESSION
from tests.training.runs import EXPERIMENT, from_set
from unsynth.audio.observation import Observation
from unsynth.cli.main import commands
from unsynth.evaluation.folder import read_evaluation
from unsynth.studies import arms as arms_module
from unsynth.studies.arms import ArmsPlan, run_arms
from unsynth.studies.folder import StudyError
from unsynth.training.dry_run import dry_run

pytestmark = pytest.mark.usefixtures("scores_here")

#: The fields of a set that is large enough for these runs.
SET = {"count": 80, "observe": (Observation.LOG_MEL,)}


@pytest.fixture(scope="module")
def study(task, tmp_path_factory):
    """The arguments of a study of two arms."""
    folder = tmp_path_factory.mktemp("arms")
    data = make_set(folder / "set", task, **SET)
    for name, model in [("ours", MLP), ("regression", REGRESSION)]:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(EXPERIMENT | {"model": model}))
    variant = shlex.join(
        ["ours", f"model={json.dumps(MLP)}", "training.coupling=aligned transport"]
    )
    settings = [s for s in from_set(data.url) if not s.startswith("training.steps")]
    flops = 6.5 * dry_run(folder / "ours.yaml", settings)["flops_per_step"]
    experiments = [str(folder / "regression.yaml"), "--variant", variant]
    options = ["--flops", str(flops), "--seeds", "2", "--dataset", "draws:2", "--workers", "1"]
    options += ["--candidates", "2"] + [part for s in settings for part in ("--set", s)]
    return ["reproduce", "arms", *experiments, *options]


@pytest.fixture(scope="module")
def finished(study, tmp_path_factory):
    """The folder of that study, which was stopped after its first training and then finished."""
    out = tmp_path_factory.mktemp("finished") / "study"

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arms_module, "_score", interrupt)
        stopped = CliRunner().invoke(commands, [*study, "--out", str(out)])
    assert stopped.exit_code == 1
    assert [path.parent.name for path in out.glob("*/weights.safetensors")] == ["regression-seed0"]
    before = (out / "regression-seed0" / "weights.safetensors").stat().st_mtime_ns
    done = CliRunner().invoke(commands, [*study, "--out", str(out), "--resume"])
    assert done.exit_code == 0, done.output
    assert (out / "regression-seed0" / "weights.safetensors").stat().st_mtime_ns == before
    return out


def test_arms_have_equal_flops_and_are_scored_on_the_same_targets(study, finished):
    out = finished
    costs = json.loads((out / "plan.json").read_text())["arms"]
    assert costs["ours"]["steps"] == 6
    experiment = yaml.safe_load((out / "ours-seed1" / "experiment.yaml").read_text())
    assert (experiment["training"]["coupling"], experiment["seed"]) == ("aligned transport", 1)
    text = (out / "table.md").read_text()
    assert " FLOPs of training each, 2 seeds, draws:2" in text
    for name in ("ours", "regression"):
        settings, _ = read_evaluation(out / f"{name}-seed1" / "evaluation")
        assert settings["training_steps"] == costs[name]["steps"]
        assert text.count(f"| {name} ") == 2
        assert f"{costs[name]['parameters']:,}" in text
    scores = {}
    for name in ("ours", "regression"):
        for seed in range(2):
            _, rows = read_evaluation(out / f"{name}-seed{seed}" / "evaluation")
            scores[name, seed] = [row["one.mss"] for row in rows]
    gaps = [
        sum(scores["ours", seed]) / 2 - sum(scores["regression", seed]) / 2 for seed in range(2)
    ]
    assert f"{gaps[0]:+.2f}, {gaps[1]:+.2f}" in text
    assert f"{sum(gaps) / 2:.2f} ± " in text

    other = CliRunner().invoke(commands, [*study, "--flops", "9e9", "--out", str(out), "--resume"])
    assert "holds a study with flops" in str(other.exception)
    changed = [part.replace("aligned transport", "aligned") for part in study]
    other = CliRunner().invoke(commands, [*changed, "--out", str(out), "--resume"])
    assert "has another arm ours" in str(other.exception)
    again = CliRunner().invoke(commands, [*study, "--out", str(out)])
    assert "holds a study: add --resume" in str(again.exception)


def test_study_grows_and_processes_share_it(study, finished, tmp_path, monkeypatch):
    """The new run waits while another process holds its lock; finished ones stay as they are."""
    out = shutil.copytree(finished, tmp_path / "study")
    before = {path: path.stat().st_mtime_ns for path in out.glob("*-seed*/weights.safetensors")}
    variant = "third training.coupling=independent"
    # Of the arms, only those of seed 0 are asked for now.
    more = [*study, "--seeds", "1", "--out", str(out), "--resume", "--variant", variant]
    lock = FileLock(out / "third-seed0.lock")
    lock.acquire()
    waits = []

    def wait(seconds):
        waits.append(seconds)
        assert not (out / "third-seed0").exists()
        lock.release()

    monkeypatch.setattr(arms_module.time, "sleep", wait)
    done = CliRunner().invoke(commands, more)
    assert done.exit_code == 0, done.output
    assert len(waits) == 1 and (out / "third-seed0" / "weights.safetensors").exists()
    assert "FLOPs of training each, 1 seed, draws:2" in (out / "table.md").read_text()
    assert list(json.loads((out / "plan.json").read_text())["arms"]) == [
        "regression",
        "ours",
        "third",
    ]
    assert (out / "table.md").read_text().count("| third ") == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_flops_below_one_step_are_refused(study, tmp_path):
    stopped = CliRunner().invoke(commands, [*study, "--flops", "5", "--out", str(tmp_path / "s")])
    assert "more than --flops" in str(stopped.exception)
    assert not (tmp_path / "s").exists()


#: An arm of a plan.
ARM = {"experiment": "", "settings": [], "task": "", "data": None, "parameters": 1, "steps": 1}


@pytest.mark.parametrize(
    "arms",
    [
        None,
        [],
        {"tiny": []},
        {"tiny": {}},
        {"tiny": ARM | {"experiment": 1}},
        {"tiny": ARM | {"settings": ""}},
        {"tiny": ARM | {"steps": 0}},
        {"tiny": ARM | {"parameters": "x"}},
    ],
)
def test_damaged_plans_are_named(arms, tmp_path):
    plan = ArmsPlan([tmp_path / "tiny.yaml"], [], [], 1e9, 1, ["draws:2"], 2)
    asked = {"overrides": [], "flops": 1e9, "dataset": ["draws:2"], "candidates": 2}
    for content in ({"asked": asked, "arms": arms}, {"asked": asked}):
        (tmp_path / "plan.json").write_text(json.dumps(content))
        with pytest.raises(StudyError, match=r"plan\.json: is damaged \(arms.*; choose another"):
            run_arms(plan, tmp_path, resume=True, report=lambda line: None)


@pytest.mark.parametrize("variant", ["", "'", "../out", "a/b", ".hidden training.steps=1"])
def test_a_variant_has_a_name_that_a_folder_can_have(variant, tmp_path):
    (tmp_path / "tiny.yaml").write_text("")
    plan = ArmsPlan([tmp_path / "tiny.yaml"], [], [variant], 1e9, 1, ["draws:2"], 2)
    with pytest.raises(StudyError, match="--variant "):
        run_arms(plan, tmp_path / "out", report=lambda line: None)


def test_an_arm_whose_set_was_replaced_is_not_continued(study, task, tmp_path, monkeypatch):
    """The set has the same name and as many sounds, but they are others."""
    data = make_set(tmp_path / "set", task, **SET)
    old = next(part for part in study if part.startswith("data.folder="))
    command = [f"data.folder={data.url}" if part == old else part for part in study]
    command += ["--out", str(tmp_path / "study")]

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(arms_module, "_try_run", interrupt)
    assert CliRunner().invoke(commands, command).exit_code == 1
    assert CliRunner().invoke(commands, [*command, "--resume"]).exit_code == 1
    shutil.rmtree(tmp_path / "set")
    make_set(tmp_path / "set", task, seed=1, **SET)
    changed = CliRunner().invoke(commands, [*command, "--resume"])
    assert "has another arm regression, with data " in str(changed.exception)
