"""Each kind of model learns, can be exported and sampled, and trains on several devices."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests.commands import output
from tests.models.small import MODELS
from tests.training.runs import EXPERIMENT, from_set, rows
from unsynth.errors import TrainingError
from unsynth.models.posterior import load_posterior
from unsynth.training.dry_run import dry_run
from unsynth.training.export import export_artifact
from unsynth.training.train import train


def write_experiment(folder: Path, model: str, **training) -> Path:
    path = folder / f"{model}.yaml"
    settings = EXPERIMENT["training"] | {"steps": 40, "learning_rate": 1e-2} | training
    settings |= {"checkpoint_minutes": 5}
    path.write_text(yaml.safe_dump(EXPERIMENT | {"model": MODELS[model], "training": settings}))
    return path


@pytest.mark.parametrize("model", MODELS)
def test_each_model_learns_and_can_be_sampled(model, small_set, task, tmp_path):
    path = write_experiment(tmp_path, model)
    assert dry_run(path)["parameters"]["total"] > 1000
    train(path, from_set(small_set.url) + ["training.steps=40"], out=tmp_path / "run")
    losses = [float(row["loss"]) for row in rows(tmp_path / "run" / "loss.csv")]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:4])
    weights = tmp_path / "dx7.safetensors"
    export_artifact(tmp_path / "run", weights)
    posterior = load_posterior(task, weights)
    audio = np.random.default_rng(0).standard_normal((1, 176_400)).astype(np.float32)
    patches = posterior.sample(audio, 3, np.random.default_rng(0), fixed={"note.pitch": 60})
    assert patches.shape == (3, len(task.spec.parameters)) and np.isfinite(patches).all()
    assert (patches[:, task.spec.position["note.pitch"]] == 60).all()
    alike = (patches == patches[0]).all()
    assert alike == (model in ("regression", "vae"))


def test_validation_does_not_change_batch_norms(small_set, tmp_path):
    """Nor does it block one of two processes for good."""
    command = [sys.executable, "-m", "unsynth", "train", str(write_experiment(tmp_path, "vae"))]
    settings = [*from_set(small_set.url), "training.steps=2", "training.validate_every=1"]
    command += [part for setting in settings for part in ("--set", setting)]
    command += ["--devices", "2", "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["state_dict"]
    for name, value in state.items():
        if name.startswith("ema.") and name.endswith(("running_mean", "running_var")):
            assert torch.equal(value, state["model." + name.removeprefix("ema.")])
    moved = state["model.to_latent.1.running_mean"]
    assert moved.abs().max() > 0


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("units", ["--set", "training.accumulate=2"]),
        ("param2tok", ["--devices", "2", "--set", "training.accumulate=2"]),
    ],
)
def test_devices_and_parts_train_like_one_device(model, options, small_set, tmp_path):
    """Real processes that average their gradients have the losses of a single one."""
    path = write_experiment(tmp_path, model)
    settings = [*from_set(small_set.url), "training.steps=6", "training.tensorboard=true"]
    settings.append("training.disturbed=0.5")
    train(path, settings, out=tmp_path / "one")
    command = ["train", str(path), "--out", str(tmp_path / "two"), *options]
    command += [part for setting in settings for part in ("--set", setting)]
    if "--devices" in options:
        command = [sys.executable, "-m", "unsynth", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        printed = done.stdout
    else:
        printed = output(*command)
    assert printed.count("checkpoint: ") == 1
    one, two = (rows(tmp_path / name / "loss.csv") for name in ("one", "two"))
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for column in ("loss", "penalty", "gradient_norm", "learning_rate"):
        ours, theirs = ([float(row[column]) for row in table] for table in (one, two))
        np.testing.assert_allclose(ours, theirs, rtol=2e-4)
    assert any((tmp_path / "two" / "tensorboard").glob("events*"))
    for folder in (tmp_path / "one", tmp_path / "two"):
        assert len(rows(folder / "validation.csv")) == 1


def test_devices_that_cannot_share_the_data_are_refused(small_set, tmp_path):
    path = write_experiment(tmp_path, "param2tok")
    with pytest.raises(TrainingError, match="several devices train from a set"):
        train(path, out=tmp_path / "run", devices=2)
    with pytest.raises(TrainingError, match="a multiple of 3"):
        train(path, from_set(small_set.url), out=tmp_path / "run", devices=3)
    vae = write_experiment(tmp_path, "vae")
    alone = [*from_set(small_set.url), "training.accumulate=4"]  # of a batch of 8
    with pytest.raises(TrainingError, match="two sounds or more per device and part"):
        train(vae, alone, out=tmp_path / "run", devices=2)
    assert not (tmp_path / "run").exists()
