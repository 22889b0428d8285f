"""Processes that only render and observe do not import torch: they start early and stay small."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.data.tones import load_telling, plan_of
from tests.report.results import match_result
from tests.tiny import TellingSynth, TellingTask
from unsynth.audio.observation import Observation
from unsynth.authoring.check import _ask_plugin
from unsynth.data.folder import Folder
from unsynth.data.local import make_dataset
from unsynth.data.shards import read_shard, sound
from unsynth.rendering.renderer import Renderer
from unsynth.report.folder import export_patches


def test_no_process_of_an_engine_imports_torch(tmp_path):
    assert "torch" in sys.modules  # here it is
    task = TellingTask()
    patch = task.sample(np.random.default_rng(1))
    with Renderer(task.synth, workers=1) as renderer:
        (sound,) = renderer.render([(patch, task.note(patch))])
    assert not np.any(sound)
    (file,) = export_patches(match_result(task, 1), tmp_path)
    assert json.loads(file.read_text()) == []
    assert _ask_plugin(task, TellingSynth.torch) == []


@pytest.mark.parametrize(
    ("kinds", "torch"),
    [((Observation.LOG_MEL, Observation.NOTE), False), ((Observation.WINDOWS,), True)],
)
def test_a_worker_of_a_dataset_imports_torch_for_windows_alone(tmp_path, kinds, torch):
    plan = plan_of(count=2, observe=kinds, audio=True)
    list(make_dataset(plan, Folder(tmp_path), 1, load_telling))
    _, shard, _ = read_shard(io.BytesIO((tmp_path / plan.file(0)).read_bytes()), "a shard")
    assert sound(shard, 1).max() == pytest.approx(1.0 if torch else 0.5, abs=1e-4)


@pytest.mark.parametrize(("task", "package"), [("dx7", "dexed"), ("vital-simple", "vita")])
def test_no_engine_imports_torch(task, package):
    pytest.importorskip(package)
    code = f"from unsynth.tasks.catalogue import load_task; load_task({task!r}).synth(); import sys"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
