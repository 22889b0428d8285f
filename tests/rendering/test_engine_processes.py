"""The process of an engine does not import torch, so it starts early."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.report.results import match_result
from tests.tiny import TellingSynth, TellingTask
from unsynth.authoring.check import _ask_plugin
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


@pytest.mark.parametrize(("task", "package"), [("dx7", "dexed"), ("vital-simple", "vita")])
def test_no_engine_imports_torch(task, package):
    pytest.importorskip(package)
    code = f"from unsynth.tasks.catalogue import load_task; load_task({task!r}).synth(); import sys"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
