import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.commands import output
from tests.data.sets import make_set
from tests.training.runs import SKETCHED, STEPS, from_set, rows
from unsynth.audio.observation import Observation
from unsynth.data.batch import join
from unsynth.data.external import DatasetError
from unsynth.data.seeding import Split
from unsynth.errors import EngineError, OutputError, TrainingError
from unsynth.models.artifact import ArtifactError, load_artifact
from unsynth.models.posterior import load_posterior
from unsynth.output import reserve
from unsynth.tasks.catalogue import load_task
from unsynth.training.checkpoint import read_checkpoint
from unsynth.training.dry_run import dry_run
from unsynth.training.experiment import ExperimentError, load_experiment
from unsynth.training.export import export_artifact
from unsynth.training.optimizer import learning_rate
from unsynth.training.train import build, open_set, train


def start(experiment: Path, out: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "unsynth", "train", str(experiment), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *arguments], env=environment, text=True, stderr=subprocess.PIPE
    )


def kill_after(process: "subprocess.Popen[str]", table: Path, steps: int) -> None:
    """Kill -9 a run once it has written ``steps`` rows."""
    deadline = time.monotonic() + 240
    while len(rows(table)) < steps:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL


def interrupt_after(table: Path, steps: int) -> None:
    """Press Ctrl-C in this process once its run has written ``steps`` rows."""
    while len(rows(table)) < steps:
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGINT)


def test_interrupted_and_killed_runs_resume_exactly(experiment_path, whole_run, tmp_path):
    """A checkpoint is written after every step, so the kill may come while one is written."""
    folder = tmp_path / "run"
    table = folder / "loss.csv"
    threading.Thread(target=interrupt_after, args=(table, 3), daemon=True).start()
    output("train", experiment_path, "--out", folder)
    saved = torch.load(folder / "last.ckpt", weights_only=True)["global_step"]
    assert 3 <= saved == len(rows(table)) < STEPS

    process = start(experiment_path, folder, "--resume")
    kill_after(process, table, saved + 3)
    assert saved < len(rows(table)) < STEPS

    assert train(experiment_path, resume=True, out=folder).step == STEPS
    assert table.read_text() == (whole_run / "loss.csv").read_text()
    assert (folder / "validation.csv").read_text() == (whole_run / "validation.csv").read_text()
    ours, theirs = (
        torch.load(f / "last.ckpt", weights_only=True)["state_dict"] for f in (folder, whole_run)
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(
    experiment_path, tmp_path
):
    diverging = ["training.learning_rate=1e30", "training.warm_up=1"]
    with pytest.raises(TrainingError, match=r"is (nan|inf) at step \d+: .*last.ckpt is unchanged"):
        train(experiment_path, diverging, out=tmp_path / "run")
    checkpoint = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert 1 <= checkpoint["global_step"] == len(rows(tmp_path / "run" / "loss.csv")) < STEPS
    assert all(value.isfinite().all() for value in checkpoint["state_dict"].values())


@pytest.fixture(scope="module")
def run_from_set(experiment_path, small_set, tmp_path_factory) -> Path:
    """The folder of an uninterrupted run, into the second epoch of a set."""
    folder = tmp_path_factory.mktemp("runs") / "set"
    train(experiment_path, from_set(small_set.url), out=folder)
    return folder


def test_a_killed_run_from_a_set_resumes_exactly(
    experiment_path, small_set, run_from_set, tmp_path, capfd
):
    """Also if its sounds are disturbed, and the resumed run reads the set itself, elsewhere."""
    disturbed = "training.disturbed=0.5"
    train(experiment_path, [*from_set(small_set.url), disturbed], out=tmp_path / "whole")
    whole = (tmp_path / "whole" / "loss.csv").read_text()
    assert (run_from_set / "loss.csv").read_text() != whole
    folder = tmp_path / "run"
    settings = [*from_set(small_set.url, loaders=1), disturbed]
    options = [part for setting in settings for part in ("--set", setting)]
    kill_after(start(experiment_path, folder, *options), folder / "loss.csv", 3)
    saved = torch.load(folder / "last.ckpt", weights_only=True)["global_step"]
    assert 2 <= saved < 30
    assert small_set.local is not None
    (tmp_path / "moved").symlink_to(small_set.local)
    moved = [*from_set(str(tmp_path / "moved")), disturbed]
    assert train(experiment_path, moved, resume=True, out=folder).step == 30
    assert (folder / "loss.csv").read_text() == whole
    assert re.search(r"steps/s  waited \d+ % for data", capfd.readouterr().err)


def test_a_run_from_sketches_does_not_depend_on_loaders_or_stops(experiment_path, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(experiment_path, SKETCHED, out=whole)
    interrupted = [*SKETCHED, "data.loaders=1", "training.steps=3"]
    assert train(experiment_path, interrupted, out=parts).step == 3
    run = train(experiment_path, SKETCHED, resume=True, out=parts)
    assert run.step == 6
    # Up to the fourth step the learning rate does not depend on how many there will be.
    ours, theirs = (
        [[float(value) for value in row.values()] for row in rows(folder / "loss.csv")]
        for folder in (parts, whole)
    )
    # Math libraries round the sketches of two processes differently on some machines.
    assert ours == [pytest.approx(row, rel=1e-4) for row in theirs]


def test_sketched_needs_a_sketch_and_no_set(experiment_path, tmp_path):
    settings = [*SKETCHED, "task=vital-full"]
    with pytest.raises(TrainingError, match="vital-full has no sketch of its engine"):
        train(experiment_path, settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ExperimentError, match="sketched is for training without"):
        load_experiment(experiment_path, [*SKETCHED, "data.uses=1", "data.folder=set"])


@pytest.mark.skipif(find_spec("vita") is None, reason="Vital's engine is not installed")
def test_vital_trains_from_sketches(experiment_path, tmp_path):
    settings = [*SKETCHED, "task=vital-simple", "training.steps=2"]
    assert train(experiment_path, settings, out=tmp_path / "run").step == 2


def test_the_encoder_standardises_by_the_statistics_of_the_set(
    small_set, run_from_set, task, tmp_path
):
    state = torch.load(run_from_set / "last.ckpt", weights_only=True)["state_dict"]
    statistics = small_set.local / "log-mel.statistics.npy"
    mean, deviation = torch.from_numpy(np.load(statistics))
    for part in ("model", "ema"):
        encoder_mean, encoder_deviation = (
            state[f"{part}.encoder.{name}"][:, :, :401] for name in ("mean", "deviation")
        )
        torch.testing.assert_close(encoder_mean, mean / 127.5 - 1)
        torch.testing.assert_close(encoder_deviation, (deviation / 127.5).clamp_min(0.05))
    export_artifact(run_from_set, tmp_path / "dx7.safetensors")
    model, _ = load_artifact(tmp_path / "dx7.safetensors", task)
    torch.testing.assert_close(model.encoder.mean, state["ema.encoder.mean"], rtol=1e-3, atol=1e-3)


def test_a_run_resumes_with_its_own_set_only(
    experiment_path, whole_run, small_set, run_from_set, task, tmp_path
):
    other = make_set(tmp_path / "other", task, seed=1)
    with pytest.raises(TrainingError, match=r"folder 200 .* seed 0.*, the experiment .* seed 1"):
        train(experiment_path, from_set(other.url), resume=True, out=run_from_set)
    with pytest.raises(TrainingError, match=r"of data\.\w+ .*, the experiment of"):
        train(experiment_path, from_set(small_set.url), resume=True, out=whole_run)
    live = [
        setting for setting in from_set("") if "folder" not in setting and "group" not in setting
    ]
    with pytest.raises(TrainingError, match=r"of data.group 2, the experiment of None"):
        train(experiment_path, live, resume=True, out=run_from_set)


def test_a_set_that_does_not_fit_leaves_no_run_behind(experiment_path, task, tmp_path):
    notes = make_set(tmp_path / "set", task, observe=(Observation.NOTE,))
    with pytest.raises(DatasetError, match=r"stores note of its sounds, .* encoder needs log-mel"):
        train(experiment_path, from_set(notes.url), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_from_two_sets_needs_no_engine(
    experiment_path, small_set, run_from_set, tmp_path, monkeypatch
):
    """The stored sounds are those that would be rendered, so all losses are the same."""
    sounds = tmp_path / "validation"
    output("render", "dx7", sounds, "--split", "validation", "--count", 5, "--workers", 1)

    def no_engine(*_: object) -> None:
        raise EngineError("the engine is not installed")

    monkeypatch.setattr("unsynth.training.train.Renderer", no_engine)
    settings = from_set(small_set.url)
    with pytest.raises(EngineError, match="not installed"):
        train(experiment_path, settings, out=tmp_path / "run")
    train(experiment_path, [*settings, f"data.validation_folder={sounds}"], out=tmp_path / "run")
    for table in ("loss.csv", "validation.csv"):
        assert (tmp_path / "run" / table).read_bytes() == (run_from_set / table).read_bytes()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({}, "of the split train, not validation: make a set with --split validation"),
        ({"split": Split.VALIDATION, "count": 3}, "holds 3 sounds, fewer than the 4 to validate"),
    ],
)
def test_validation_sounds_that_do_not_fit_leave_no_run_behind(
    experiment_path, task, tmp_path, plan, message
):
    folder = make_set(tmp_path / "set", task, **plan)
    with pytest.raises(DatasetError, match=message):
        train(experiment_path, [f"data.validation_folder={folder.url}"], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_missing_shard_stops_the_run_and_keeps_the_checkpoint(experiment_path, task, tmp_path):
    folder = make_set(tmp_path / "set", task)
    (tmp_path / "set" / "shard-000001.h5").unlink()
    state = r"(no checkpoint|.*last\.ckpt is unchanged)"
    with pytest.raises(DatasetError, match=r"shard-000001\.h5 is missing; " + state):
        train(experiment_path, from_set(folder.url), out=tmp_path / "run")


def test_the_losses_of_devices_average_to_that_of_one(experiment_path, small_set, task):
    """The mean of the parts' losses, and so of their gradients, is that of the whole batch."""
    experiment = load_experiment(experiment_path, from_set(small_set.url))
    module = build(experiment, task)
    shards = open_set(experiment, task)
    whole, *parts = (
        join(next(shards.loader(7, rank, ranks))) for rank, ranks in [(0, 1), (0, 2), (1, 2)]
    )
    losses = [module.training_step(batch, 0).item() for batch in (whole, *parts)]
    assert losses[1] != losses[2]
    assert losses[0] == pytest.approx((losses[1] + losses[2]) / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("overrides", "resume", "message"),
    [
        ([], False, "already holds a run: add --resume"),
        (["model.field.tokens=6"], True, "of model.field.tokens 5, the experiment of 6"),
        (["seed=1"], True, "of seed 0, the experiment of 1"),
        (["data.apart=2"], True, "of data.apart 3, the experiment of 2"),
    ],
)
def test_a_run_of_another_experiment_is_not_changed(
    experiment_path, whole_run, overrides, resume, message
):
    before = (whole_run / "last.ckpt").stat().st_mtime_ns, (whole_run / "loss.csv").read_text()
    with pytest.raises(TrainingError, match=message):
        train(experiment_path, overrides, resume=resume, out=whole_run)
    after = (whole_run / "last.ckpt").stat().st_mtime_ns, (whole_run / "loss.csv").read_text()
    assert after == before


def test_resuming_without_a_checkpoint_is_refused(experiment_path, tmp_path):
    with pytest.raises(TrainingError, match="nothing to resume"):
        train(experiment_path, resume=True, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_finished_run_still_says_its_validation_loss(experiment_path, whole_run, tmp_path):
    folder = shutil.copytree(whole_run, tmp_path / "run")
    measured = float(rows(whole_run / "validation.csv")[-1]["loss"])
    run = train(experiment_path, resume=True, out=folder)
    assert (run.step, run.validation_loss) == (STEPS, measured)


def test_the_averaged_weights_are_exported(whole_run, tmp_path, task):
    path = tmp_path / "dx7.safetensors"
    artifact = export_artifact(whole_run, path)
    assert artifact.training_steps == STEPS and artifact.sampling.steps == 3
    measured = rows(whole_run / "validation.csv")[-1]
    assert (int(measured["step"]), float(measured["loss"])) == (STEPS, artifact.validation_loss)
    model, again = load_artifact(path, task)
    assert again == artifact
    state = torch.load(whole_run / "last.ckpt", weights_only=True)["state_dict"]
    torch.testing.assert_close(
        model.state_dict()["field.tokens.z_in"],
        state["ema.field.tokens.z_in"],
        rtol=1e-3,
        atol=1e-6,
    )
    assert (state["model.no_sound"] - state["ema.no_sound"]).abs().max() > 0
    assert load_posterior(task, path).sampling == artifact.sampling


def test_damaged_checkpoints_are_not_exported(whole_run, tmp_path):
    with pytest.raises(TrainingError, match=r"last\.ckpt cannot be read"):
        export_artifact(tmp_path, tmp_path / "dx7.safetensors")
    (tmp_path / "experiment.yaml").write_text((whole_run / "experiment.yaml").read_text())
    whole = (whole_run / "last.ckpt").read_bytes()
    for part in (b"", whole[:1000], whole[:-1000]):
        (tmp_path / "last.ckpt").write_bytes(part)
        with pytest.raises(TrainingError, match="is not a checkpoint, or damaged"):
            export_artifact(tmp_path, tmp_path / "dx7.safetensors")
    assert not (tmp_path / "dx7.safetensors").exists()


def test_checkpoints_that_lack_something_are_named(whole_run, tmp_path):
    path, whole = tmp_path / "last.ckpt", torch.load(whole_run / "last.ckpt", weights_only=True)

    def refuse(content):
        torch.save(content, path)
        with pytest.raises(TrainingError, match=r"last\.ckpt is ") as error:
            read_checkpoint(path)
        assert "\n" not in str(error.value) and len(str(error.value)) < 400

    refuse([])
    for key in ("state_dict", "global_step", "unsynth"):
        refuse({k: v for k, v in whole.items() if k != key})
        for value in (None, [], "x", float("nan"), torch.ones(2)):
            refuse({**whole, key: value})
    for step in (-1, 10**30, True):
        refuse({**whole, "global_step": step})
    data = bytearray((whole_run / "last.ckpt").read_bytes())
    data[len(data) // 2] ^= 1  # one bit of a weight, which torch would read without a word
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"the checksum of .* is wrong"):
        read_checkpoint(path)


def test_checkpoints_with_weights_of_another_kind_are_not_exported(whole_run, tmp_path):
    (tmp_path / "experiment.yaml").write_text((whole_run / "experiment.yaml").read_text())
    whole = torch.load(whole_run / "last.ckpt", weights_only=True)
    state, name = whole["state_dict"], "ema.field.tokens.z_in"
    value = state[name]
    others: list = [{k: v for k, v in state.items() if k != name}]
    others.append({**state, "ema.more": torch.ones(1)})
    for other in (value[1:], value.double(), value.to_sparse(), value * float("nan"), None):
        others.append({**state, name: other})
    for weights in others:
        torch.save({**whole, "state_dict": weights}, tmp_path / "last.ckpt")
        with pytest.raises((TrainingError, ArtifactError), match=r"weights|not finite") as e:
            export_artifact(tmp_path, tmp_path / "dx7.safetensors")
        assert "\n" not in str(e.value) and len(str(e.value)) < 400
    assert not (tmp_path / "dx7.safetensors").exists()


def test_memory_that_runs_out_is_not_told_as_damage(whole_run, tmp_path, monkeypatch):
    """The error is the one that torch raises for an allocation that fails on a CPU."""

    def load(*arguments, **settings):
        return torch.empty(2**58)

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(TrainingError, match=r"last\.ckpt cannot .*: there is not enough memory"):
        export_artifact(whole_run, tmp_path / "dx7.safetensors")


def test_damaged_tables_lose_only_their_damaged_rows(whole_run, tmp_path):
    shutil.copytree(whole_run, tmp_path / "run")
    table = tmp_path / "run" / "validation.csv"
    table.write_bytes(b"step,loss\r\n1,2.5\r\n\xff\xfe\r\n2\r\n3,nan\r\nx,1\r\n" + b"9" * 5000)
    artifact = export_artifact(tmp_path / "run", tmp_path / "dx7.safetensors")
    assert artifact.validation_loss == 2.5


def test_damaged_checkpoints_are_not_resumed(experiment_path, whole_run, tmp_path):
    """Lightning would begin anew where a state is missing, without a word."""
    folder = tmp_path / "run"
    shutil.copytree(whole_run, folder)
    (folder / "loss.csv").write_bytes(b"\xff")
    whole = torch.load(whole_run / "last.ckpt", weights_only=True)
    changes: list = [{"loops": {}}, {"optimizer_states": []}, {"global_step": STEPS + 5}]
    changes.append({"state_dict": {**whole["state_dict"], "model.no_sound": torch.ones(1)}})
    for change in changes:
        torch.save(whole | change, folder / "last.ckpt")
        with pytest.raises(TrainingError, match=r"last\.ckpt"):
            train(experiment_path, [f"training.steps={STEPS + 1}"], resume=True, out=folder)
    torch.save(whole, folder / "last.ckpt")
    longer = [f"training.steps={STEPS + 1}"]
    assert train(experiment_path, longer, resume=True, out=folder).step == STEPS + 1


def test_the_learning_rate_rises_and_falls(experiment_path):
    settings = load_experiment(experiment_path, ["training.final_learning_rate=1e-5"]).training
    rates = [learning_rate(settings, step) for step in range(STEPS + 1)]
    assert rates[3] == max(rates) == settings.learning_rate
    assert rates[:4] == sorted(rates[:4]) and rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[0] == settings.learning_rate / 4
    assert rates[-1] == pytest.approx(1e-5)
    assert rates[(4 + STEPS) // 2] == pytest.approx((1e-3 + 1e-5) / 2)


def test_a_full_disk_is_no_damage_of_the_checkpoint(
    experiment_path, whole_run, tmp_path, monkeypatch
):
    """Nor does it cut the file that an export reads."""
    folder = shutil.copytree(whole_run, tmp_path / "run")
    before = (folder / "experiment.yaml").read_bytes()

    def write_half(path: Path, text: str, encoding: str | None = None) -> int:
        path.write_bytes(text.encode()[: len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)"):
        train(experiment_path, [f"training.steps={STEPS + 1}"], resume=True, out=folder)
    assert (folder / "experiment.yaml").read_bytes() == before


def test_two_processes_do_not_train_into_one_folder(experiment_path, whole_run, tmp_path):
    folder = shutil.copytree(whole_run, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    longer = [f"training.steps={STEPS + 1}"]
    message = r"another process writes there.*; .*last\.ckpt is unchanged"
    with (
        reserve(folder / ".lock", TrainingError("taken")),
        pytest.raises(TrainingError, match=message),
    ):
        train(experiment_path, longer, resume=True, out=folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert train(experiment_path, longer, resume=True, out=folder).step == STEPS + 1
    assert not (folder / ".lock").exists()


def test_a_dry_run_counts_weights_flops_and_bytes(experiment_path, whole_run):
    settings = ["training.coupling=independent"]  # the cost of transport is not linear
    once, twice = (dry_run(experiment_path, [f"data.batch={n}", *settings]) for n in (4, 8))
    state = torch.load(whole_run / "last.ckpt", weights_only=True)["state_dict"]
    weights = {
        name: value.numel()
        for name, value in state.items()
        if name.startswith("model.")
        and name not in ("model.encoder.mean", "model.encoder.deviation")
    }
    assert once["parameters"]["total"] == sum(weights.values())
    assert once["parameters"]["param2tok"] == sum(
        count for name, count in weights.items() if ".field.tokens." in name
    )
    assert twice["flops_per_step"] == 2 * once["flops_per_step"]
    assert 1.7 < twice["memory_bytes"]["activations"] / once["memory_bytes"]["activations"] < 2.1
    assert once["memory_bytes"]["sounds"] == 4 * 2 * 128 * 401
    from_a_set = ["data.folder=set", "data.uses=1", "data.apart=1", *settings]
    assert dry_run(experiment_path, from_a_set)["memory_bytes"]["sounds"] == 2 * 512 * 128 * 401
    width = load_task("dx7").spec.width
    # Param2Tok's first layer alone, forward and both gradients, 8 noises.
    assert once["flops_per_step"] > 3 * 2 * 8 * width * 8 * 8
    halves = dry_run(experiment_path, ["data.batch=8", "training.accumulate=2", *settings])
    assert halves["flops_per_step"] == twice["flops_per_step"]
    assert halves["memory_bytes"]["activations"] == once["memory_bytes"]["activations"]
