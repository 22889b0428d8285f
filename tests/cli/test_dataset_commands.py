"""``unsynth render`` and ``unsynth data`` as they are typed."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.commands import ROOT, failing, output
from tests.data.tones import load, plan_of, render_set
from unsynth.data.external import DatasetError
from unsynth.data.shards import read_shard
from unsynth.tasks.catalogue import load_task
from unsynth.training.experiment import load_experiment

SMALL_TASK = ROOT / "tests" / "tasks" / "small.yaml"


def test_a_task_file_can_replace_a_task_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "own.yaml"
    own.write_text(SMALL_TASK.read_text())

    output("render", "own.yaml", "set", "--count", 6, "--shard-sounds", 3, "--workers", 1)
    assert "nothing is wrong" in output("data", "verify", "set")
    output("data", "show", "set", "--item", 2)
    experiment = tmp_path / "experiments" / "small.yaml"
    experiment.parent.mkdir()
    text = (ROOT / "experiments" / "dx7-small-mlp.yaml").read_text()
    experiment.write_text(text.replace("task: dx7", "task: own.yaml"))
    assert load_experiment(experiment).task == str(own)
    (experiment.parent / "own.yaml").write_text(own.read_text())
    assert load_experiment(experiment).task == str(experiment.parent / "own.yaml")

    own.write_text(SMALL_TASK.read_text().replace("high: 12", "high: 13"))
    with pytest.raises(DatasetError, match="three-sines"):
        output("data", "verify", "set")


def test_a_set_is_rendered_checked_described_and_shown(tmp_path):
    folder, out = tmp_path / "set", tmp_path / "items"
    options = ("--count", 10, "--shard-sounds", 4, "--audio", "--workers", 1)
    assert f"10 sounds of dx7 in {folder}" in output("render", "dx7", folder, *options)
    assert "nothing is wrong" in output("data", "verify", folder)
    text = output("data", "stats", folder)
    assert "10 of 10 sounds of dx7" in text and "op6.rate1" in text and "algorithm" in text
    output("data", "show", folder, "--item", 5, "--out", out)
    assert {p.name for p in out.iterdir()} == {f"item-5.{s}" for s in ("wav", "png", "json")}

    audio, rate = soundfile.read(out / "item-5.wav", always_2d=True)
    task = load_task("dx7")
    with (folder / "shard-000001.h5").open("rb") as file:
        patch = read_shard(file, "a shard")[1].arrays["patches"][1]
    expected = task.synth().render(task.engine_patch(patch), task.note(patch))
    assert rate == 44100 and np.abs(audio.T - expected / max(1, np.abs(expected).max())).max() < 0.5
    assert json.loads((out / "item-5.json").read_text())


def test_parts_of_a_set_say_whether_others_are_missing(tmp_path):
    command = ("render", "dx7", tmp_path / "set", "--count", 4, "--shard-sounds", 2)
    first = output(*command, "--workers", 1, "--part", "1/2")
    assert f"part 1 of 2 is in {tmp_path / 'set'}, where other parts are still missing" in first
    assert "4 sounds of dx7" in output(*command, "--workers", 1, "--part", "2/2")


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> Path:
    """A set of 20 sounds."""
    return render_set(plan_of(), tmp_path_factory.mktemp("sets") / "tones").local


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("render dx7 {tmp}/x --count 0", "--count"),
        ("render dx8 {tmp}/x --count 5", "no task named 'dx8'"),
        ("render dx7 {tmp}/x --count 5 --time-limit 0", "--time-limit"),
        ("render dx7 {tmp}/x --count 5 --part 3/2", "'3/2' is not a part, such as 1/16"),
        ("render dx7 {tmp}/x --count 5 --part 0/2", "'0/2' is not a part"),
        ("render dx7 {tmp}/x --count 5 --part 2", "'2' is not a part"),
        (
            "render dx7 {tmp}/x --count 5 --part 1/2",
            "needs 2 shards or more, and the dataset",
        ),
        ("render dx7 {tmp}/x --count 5 --part 1/2 --engine ray", "--part is for --engine local"),
        ("data show {set} --item 20", "items 0 to 19, not 20"),
        ("data verify {tmp}/x", "not a dataset"),
        ("data stats {tmp}/x", "not a dataset"),
    ],
)
def test_errors_are_one_line(arguments, message, tones, tmp_path, monkeypatch, capsys):
    if "{set}" in arguments:
        monkeypatch.setattr("unsynth.tasks.catalogue.load_task", load)
    text = arguments.format(tmp=tmp_path, set=tones)
    assert message in failing(capsys, *text.split())
    assert not list(tmp_path.iterdir())
