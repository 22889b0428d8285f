"""Runs that start from a trained model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from tests.commands import failing, output
from tests.training.runs import EXPERIMENT, rows
from unsynth.models.artifact import load_artifact
from unsynth.tasks.dx7.task import DX7Task

Train = Callable[..., str]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """A function that trains a small model for a number of steps, into a folder."""
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(EXPERIMENT))

    def run(out: str, steps: int, *arguments: str) -> str:
        sizes = ("--set", f"training.steps={steps}", "--set", "training.warm_up=1")
        return output("train", file, *sizes, "--out", tmp_path / out, *arguments)

    return run


def weights(task: DX7Task, path: Path) -> dict[str, torch.Tensor]:
    return load_artifact(path, task)[0].state_dict()


def test_a_run_starts_from_the_weights_of_another(tmp_path, train, task, monkeypatch):
    train("first", 3)
    first = tmp_path / "first.safetensors"
    output("export", tmp_path / "first", "--out", first)
    # With another seed, new weights and the scaling of the encoder's inputs would be others.
    other = ("--set", "seed=9", "--set", "training.learning_rate=1e-20")
    monkeypatch.chdir(tmp_path / "first")
    (tmp_path / "first" / first.name).symlink_to(first)
    (tmp_path / "first" / "first.json").symlink_to(first.with_suffix(".json"))
    train("second", 1, "--from", first.name, *other)
    second = tmp_path / "second.safetensors"
    output("export", tmp_path / "second", "--out", second)
    expected, got = weights(task, first), weights(task, second)
    assert all(torch.equal(value, got[name]) for name, value in expected.items())
    settings = yaml.safe_load((tmp_path / "second" / "experiment.yaml").read_text())
    # The name was typed in that folder, though the experiment's folder has such a file too.
    assert settings["start_from"] == str(tmp_path / "first" / first.name)

    # A resumed run goes on from its own checkpoint.
    train("second", 2, "--resume", "--from", str(first), "--set", "seed=9")
    assert [row["step"] for row in rows(tmp_path / "second" / "loss.csv")] == ["1", "2"]


def test_models_that_do_not_fit_are_refused(tmp_path, capsys, model_path):
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump(EXPERIMENT))
    command = ("train", file, "--out", tmp_path / "run", "--from")
    line = failing(capsys, *command, "dx8")
    assert "no model named dx8 comes with unsynth" in line and "unsynth models" in line
    assert "no weight file" in failing(capsys, *command, tmp_path / "no.safetensors")
    line = failing(capsys, *command, "dx7")
    assert "another model than that of the experiment (model.encoder.width is 640 there" in line
    deeper = ("--set", "model.field.layers=3")
    line = failing(capsys, *command, model_path, *deeper)
    assert "model.field.layers is" in line and "3 here" in line
    assert not (tmp_path / "run").exists()
