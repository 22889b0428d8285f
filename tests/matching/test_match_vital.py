"""The command's job for Vital: from a sound to files that sound as the report says."""

import json
import sys
from functools import partial

import numpy as np
import pytest
import soundfile

from tests.conftest import relative_error
from unsynth.cli.main import main
from unsynth.formats.vital import read_vital
from unsynth.index.build import build_index
from unsynth.index.draw_index import DrawIndex
from unsynth.index.files import save_index
from unsynth.rendering.renderer import Renderer
from unsynth.synths.base import Note
from unsynth.synths.vital import Vital
from unsynth.tasks.catalogue import load_task

pytest.importorskip("vita")


def test_a_sound_becomes_files_for_vital(tmp_path, capsys):
    task = load_task("vital")
    note = Note(57, 0.1, 1.5)
    with Renderer(task.synth, workers=1) as renderer:
        *_, index = build_index(task, renderer, 4)
        assert isinstance(index, DrawIndex)
        (sound,) = renderer.render([(task.engine_patch(index.patch(1)), note)])
    save_index(index, tmp_path / "few.npz")
    soundfile.write(tmp_path / "own.wav", sound.T, 44_100, subtype="FLOAT")
    sys.argv = ["unsynth", "match", str(tmp_path / "own.wav"), "--synth", "vital", "--note", "57"]
    sys.argv += ["--index", str(tmp_path / "few.npz"), "--renders", "40", "--keep", "3"]
    sys.argv += ["--out", str(tmp_path)]
    main()
    folder = tmp_path / "own"
    assert "patch-01.vital to patch-03.vital" in capsys.readouterr().out
    told = json.loads((folder / "patch.json").read_text(encoding="utf-8"))
    assert told["task"] == "vital-simple"
    best = told["candidates"][0]
    assert best["mss_db"] < 0.5 * np.median([draw["mss_db"] for draw in told["random_draws"]])
    # Its first file, in an engine that knows nothing of the task.
    played = best["musical"]["note"]
    note = Note(played["pitch"], played["onset_s"], played["duration_s"])
    base = read_vital((folder / best["files"][0]).read_bytes())
    with Renderer(partial(Vital, base), workers=1) as other:
        (again,) = other.render([({}, note)])
    written = soundfile.read(folder / "best.wav", dtype="float32")[0].T
    assert relative_error(written, again) < 1e-3
