"""The process of an engine imports what the engine needs, and no more: so it starts early."""

import json
import sys
from operator import methodcaller

import numpy as np

from tests.report.results import match_result
from tests.tiny import TellingTask
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
    assert _ask_plugin(task, methodcaller("torch")) == []
