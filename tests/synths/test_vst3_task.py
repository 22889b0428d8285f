"""A VST3 instrument behind a task's file: loaded without the plugin, checked, matched."""

import json
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from tests.models.small import SMALL
from tests.synths.test_vst3 import error_of
from unsynth.audio.files import write_wav
from unsynth.cli.main import commands
from unsynth.errors import TaskError, UnsynthError
from unsynth.flow.solver import Solver
from unsynth.index.build import build_index
from unsynth.index.files import save_index
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.synths.plugins import PluginNotFoundError
from unsynth.synths.vst3 import VST3, PluginVersionError
from unsynth.tasks.catalogue import load_task
from unsynth.tasks.declared.task import DeclaredTask
from unsynth.tasks.task import Task

NOTE_LINES = [
    {"name": "note.pitch", "low": 48, "high": 72},
    {"name": "note.onset", "kind": "continuous", "low": 0, "high": 0.5, "step": 0.001},
    {"name": "note.duration", "kind": "continuous", "low": 0.1, "high": 6.0, "step": 0.001},
]


def declaration(names, **engine):
    number = {"kind": "continuous", "low": 0.0, "high": 1.0, "step": 0.0001}
    return {
        "task": "own",
        "synth": "vst3",
        "engine": engine,
        "parameters": [{"name": name, "control": name, **number} for name in names],
        "note": NOTE_LINES,
    }


@pytest.fixture(scope="module")
def own(instrument, settable, tmp_path_factory) -> Path:
    """The file of a task for the instrument, with up to twelve parameters."""
    bundle, name = instrument
    path = tmp_path_factory.mktemp("own") / "own.yaml"
    told = declaration(settable[:12], plugin=bundle)
    told["engine"] |= {} if name is None else {"name": name}
    path.write_text(yaml.safe_dump(told))
    return path


def run(*command) -> str:
    result = CliRunner().invoke(commands, list(map(str, command)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_file_needs_no_plugin_to_be_read(tmp_path):
    """Nor do models and sets: only sounds do."""
    told = declaration(["cutoff"], plugin="none.vst3", name="None", version="1.2")
    task = DeclaredTask(told, tmp_path, "own")
    assert isinstance(task, Task) and pickle.loads(pickle.dumps(task)).hash == task.hash
    pytest.importorskip("pedalboard")
    with pytest.raises(PluginNotFoundError, match=r"no plugin none\.vst3 in"):
        task.synth()


def test_a_hash_is_of_the_plugin_its_version_and_its_base_patch(tmp_path):
    def hash_of(**engine) -> str:
        return DeclaredTask(declaration(["cutoff"], **engine), tmp_path, "own").hash

    (tmp_path / "a.vstpreset").write_bytes(b"a")
    (tmp_path / "b.vstpreset").write_bytes(b"b")
    base = hash_of(plugin="x.vst3", name="X", version="1")
    assert base == hash_of(plugin="/elsewhere/x.vst3", name="X", version="1", flush=0.1)
    others = [
        hash_of(plugin="x.vst3", name="Y", version="1"),
        hash_of(plugin="x.vst3", name="X", version="2"),
        hash_of(plugin="x.vst3", name="X", version="1", preset="a.vstpreset"),
        hash_of(plugin="x.vst3", name="X", version="1", preset="b.vstpreset"),
    ]
    assert len({base, *others}) == 5


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ({}, "own: engine: plugin: field required"),
        ({"plugn": "x"}, "engine: 'plugn' is not known; the nearest is 'plugin'"),
        ({"plugin": 3}, "engine: plugin: input should be a valid string"),
        ({"plugin": "x", "flush": -1.0}, "engine: flush: input should be greater"),
        ({"plugin": "x", "preset": "no.vstpreset"}, "preset .*no.vstpreset cannot be read"),
    ],
)
def test_wrong_settings_are_named(tmp_path, engine, message):
    told = declaration(["cutoff"])
    with pytest.raises(TaskError, match=message) as caught:
        DeclaredTask(told | {"engine": engine}, tmp_path, "own")
    assert "\n" not in str(caught.value)


def test_another_version_of_the_plugin_is_refused(own):
    told = yaml.safe_load(own.read_text())
    told["engine"]["version"] = "0.0.0.1"
    with pytest.raises(PluginVersionError, match=r"the task is for 0\.0\.0\.1: install that"):
        DeclaredTask(told, own.parent, str(own)).synth()


def test_a_misspelt_control_is_named_with_the_nearest(own):
    told = yaml.safe_load(own.read_text())
    name = told["parameters"][0]["control"]
    told["parameters"][0]["control"] = name + "x"
    wrong = own.with_name("wrong.yaml")
    wrong.write_text(yaml.safe_dump(told))
    with pytest.raises(UnsynthError, match=f"no parameter '{name}x'; the nearest is {name}"):
        run("task", "check", wrong, "--draws", 4)


def test_a_check_says_what_is_measured_and_writes_a_page(own):
    said = run("task", "check", own, "--draws", 8)
    assert "noise floor: MSS" in said and "after other sounds: MSS" in said
    assert "nothing is wrong" in said and "s of one core" in said
    page = (own.parent / "own.check.html").read_text(encoding="utf-8")
    assert "<audio " in page and "Nothing is wrong" in page


def test_a_match_is_a_preset_that_gives_the_same_sound_in_a_fresh_plugin(own, instrument, tmp_path):
    task = load_task(str(own))
    with Renderer(task.synth) as renderer:
        *_, index = build_index(task, renderer, 20)
    save_index(index, tmp_path / "own.npz")
    patch = task.with_note(task.sample(np.random.default_rng(5)), Note(60, 0.0, 1.5))
    audio = task.synth().render(task.engine_patch(patch), task.note(patch))
    write_wav(tmp_path / "sound.wav", audio, task.synth().sample_rate)
    before = len(multiprocessing.active_children())
    run("match", tmp_path / "sound.wav", "--synth", own, "--out", tmp_path, "--keep", 3,
        "--budget", 5, "--index", tmp_path / "own.npz")  # fmt: skip
    assert len(multiprocessing.active_children()) <= before
    found = json.loads((tmp_path / "sound" / "patch.json").read_text())
    assert found["task_hash"] == task.hash and 1 <= len(found["candidates"]) <= 3
    for rank, candidate in enumerate(found["candidates"], start=1):
        assert candidate["files"] == [f"patch-{rank:02d}.vstpreset"]
        estimate = task.spec.from_named(candidate["parameters"])
        note = task.note(estimate)
        here, again = (task.synth().render(task.engine_patch(estimate), note) for _ in range(2))
        preset = (tmp_path / "sound" / candidate["files"][0]).read_bytes()
        fresh = VST3(*instrument, preset=preset).render({}, note)
        assert error_of(here, fresh) <= error_of(here, again)  # 0: the same bits


def test_a_model_of_it_is_scored(own, tmp_path):
    """An untrained one: what counts is that its samples are rendered."""
    task = load_task(str(own))
    architecture = FlowArchitecture.model_validate(SMALL)
    sampling = SamplingSettings(solver=Solver.EULER, steps=1, guidance=1.0)
    model = architecture.build(task.spec, architecture.observed_shape(task))
    weights = tmp_path / "own.safetensors"
    save_artifact(weights, model, describe(task, architecture, sampling, 0.9, 1, None))
    said = run("evaluate", weights, "draws:2", "--candidates", 2, "--out", tmp_path / "scores")
    assert "best of 2" in said and "noise floor" in said
    assert "could not be rendered" not in said
