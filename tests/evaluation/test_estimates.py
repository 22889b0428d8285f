"""Samples that are drawn without an engine and scored later."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.commands import failing, output
from tests.evaluation.pool import scored_here
from unsynth.errors import EngineError
from unsynth.evaluation.estimates import EstimatesResult, estimate
from unsynth.evaluation.evaluate import (
    EvaluationProgress,
    EvaluationResult,
    evaluate,
    plan_evaluation,
)
from unsynth.evaluation.folder import EvaluationError, read_evaluation
from unsynth.evaluation.scorer import NEAREST
from unsynth.evaluation.settings import EvaluationRequest
from unsynth.evaluation.targets import find_targets
from unsynth.formats.syx import init_voice, write_bank
from unsynth.rendering.renderer import Renderer
from unsynth.tasks.dx7.task import DX7Task


@pytest.fixture(scope="module")
def request_(model, tmp_path_factory) -> EvaluationRequest:
    """An evaluation on two tones and silence."""
    folder = tmp_path_factory.mktemp("sounds")
    times = np.arange(44_100) / 44_100
    for name, peak in [("low_45", 0.5), ("high_69", 0.5), ("silent_60", 0.0)]:
        hz = 440.0 * 2.0 ** ((int(name[-2:]) - 69) / 12)
        soundfile.write(folder / f"{name}.wav", peak * np.sin(2 * np.pi * hz * times), 44_100)
    return EvaluationRequest(model, [str(folder)], candidates=2)


def fail(self: DX7Task) -> None:
    raise EngineError("the engine is not installed")


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.setattr(DX7Task, "synth", fail)


def draw(request: EvaluationRequest, folder: Path, resume: bool = False) -> EstimatesResult:
    *progress, result = estimate(request, folder, "cpu", resume)
    assert [event.done for event in progress] == list(range(1, len(progress) + 1))
    assert all(isinstance(event, EvaluationProgress) for event in progress)
    assert isinstance(result, EstimatesResult)
    return result


def score(
    request: EvaluationRequest, folder: Path, resume: bool = False, worker: bool = False
) -> list[dict]:
    """Score targets in this process, or in a worker."""
    with nullcontext() if worker else scored_here(nearest=NEAREST):
        *_, result = evaluate(request, folder, workers=1, resume=resume)
    assert isinstance(result, EvaluationResult)
    return [{k: v for k, v in r.items() if k != "seconds"} for r in read_evaluation(folder)[1]]


@pytest.fixture(scope="module")
def scored(request_, tmp_path_factory) -> list[dict]:
    """The rows of an evaluation in one go, by a worker."""
    return score(request_, tmp_path_factory.mktemp("e") / "scored", worker=True)


@pytest.fixture
def drawn(request_, tmp_path, no_engine) -> Path:
    result = draw(request_, tmp_path / "drawn")
    assert result.targets == 3 and len(result.left_out) == 1
    assert "silent_60.wav" in result.left_out[0]
    return result.folder


def test_scores_of_drawn_samples_are_those_of_one_go(request_, drawn, scored, monkeypatch):
    files = {path.name: path.read_bytes() for path in (drawn / "samples").iterdir()}
    assert sorted(files) == ["000000.npz", "000001.npz"]
    (drawn / "samples" / "000001.npz").unlink()
    draw(request_, drawn, resume=True)  # Draws what is missing, as an interrupted run left it.
    for name, content in files.items():
        with np.load(drawn / "samples" / name) as arrays:
            assert set(arrays.files) == {"free", "on_estimated_note", "source"}
        assert (drawn / "samples" / name).read_bytes() == content
    monkeypatch.undo()
    assert score(request_, drawn, resume=True) == [{**r, "samples_stored": True} for r in scored]


def test_what_is_scored_is_what_was_drawn(request_, drawn, scored, monkeypatch):
    """Samples that another device rounded otherwise are not drawn again."""
    path = drawn / "samples" / "000000.npz"
    with np.load(path) as arrays:
        free, on_note, source = (arrays[k] for k in ("free", "on_estimated_note", "source"))
    np.savez(path, free=on_note, on_estimated_note=free, source=source)
    monkeypatch.undo()
    moved = shutil.move(drawn, drawn.with_name("elsewhere"))
    sounds = Path(request_.dataset[0])
    elsewhere = shutil.copytree(sounds, drawn / "sounds")
    request = EvaluationRequest(request_.model, [str(elsewhere)], candidates=2)
    first, second = score(request, moved, resume=True)
    assert second == {**scored[1], "samples_stored": True}
    for metric in ("mss", "wmfcc", "sot", "rms"):
        assert first[f"best_heard.{metric}"] == scored[0][f"best.{metric}"]
        assert first[f"best.{metric}"] == scored[0][f"best_heard.{metric}"]


@pytest.mark.parametrize("fault", ["cut", "shape", "value", "source"])
def test_damaged_samples_are_named(request_, drawn, fault):
    path = drawn / "samples" / "000000.npz"
    with np.load(path) as arrays:
        parts = dict(arrays)
    message = r"000000.npz: is damaged \(.*\); delete it"
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif fault == "source":
        shutil.copy(drawn / "samples" / "000001.npz", path)
        message = "000000.npz: holds samples of another model, target or settings; delete it"
    else:
        free = parts["free"]
        wrong = {"shape": free[:1], "value": np.full_like(free, np.inf)}[fault]
        np.savez(path, **{**parts, "free": wrong})
    with pytest.raises(EvaluationError, match=message):
        draw(request_, drawn, resume=True)


def test_another_index_does_not_matter_before_the_first_score(request_, drawn, monkeypatch):
    """The machine that samples may have no index of the task."""
    monkeypatch.setattr("unsynth.evaluation.evaluate.hash_index", lambda task: None)
    draw(request_, drawn, resume=True)
    assert json.loads((drawn / "settings.json").read_text())["index"] is None
    monkeypatch.undo()
    with plan_evaluation(request_).open(drawn, resume=True) as (folder, rows):
        assert (folder, rows) == (drawn, {})
    assert json.loads((drawn / "settings.json").read_text())["index"] is not None


def test_targets_that_need_the_engine_are_refused_without_it(model, tmp_path, no_engine):
    (tmp_path / "bank.syx").write_bytes(write_bank([init_voice()]))
    for dataset in ("draws:2", str(tmp_path / "bank.syx")):
        request = EvaluationRequest(model, [dataset])
        with pytest.raises(EvaluationError, match=r"not installed; without it, give sounds, or a"):
            draw(request, tmp_path / "e")
        assert not (tmp_path / "e").exists()


def test_a_set_with_audio_needs_no_engine(model, task, tmp_path, monkeypatch, capsys):
    """The stored audio has 16 bits. The set is scored against its patches, rendered again."""
    options = ["--count", "2", "--shard-sounds", "1", "--split", "test", "--workers", "1"]
    for name, audio in [("bare", []), ("whole", ["--audio"])]:
        output("render", "dx7", str(tmp_path / name), *options, *audio)
    whole, bare = (find_targets([str(tmp_path / name)], task, 0) for name in ("whole", "bare"))
    with Renderer(task.synth, workers=1) as renderer:
        rendered = whole.load(1, renderer)
    stored = whole.load(1, None)
    half_step = 0.51 * max(1.0, np.abs(rendered.audio).max()) / 32767
    np.testing.assert_allclose(stored.audio, rendered.audio, rtol=0.0, atol=half_step)
    assert (stored.pitch, stored.second_render) == (rendered.pitch, None)
    assert whole.stored and not bare.stored

    command = ["evaluate", model, tmp_path / "whole", "--candidates", "2", "--out", tmp_path / "e"]
    with monkeypatch.context() as patch:
        patch.setattr(DX7Task, "synth", fail)
        assert "--resume in place of" in output(*command, "--estimates-only")
        assert "add --resume" in failing(capsys, *command, "--estimates-only")
        command[2] = tmp_path / "bare"
        assert "holds an evaluation" in failing(capsys, *command, "--resume")
        assert "for --estimates-only" in failing(capsys, *command, "--device", "cpu")
        options = ["--estimates-only", "--device", "abacus", "--resume"]
        assert "--device abacus cannot be used" in failing(capsys, *command, *options)
    command[2] = tmp_path / "whole"
    with scored_here():
        assert "noise floor" in output(*command, "--resume", "--workers", "1")


def test_draws_are_sampled_where_the_engine_is(model, tmp_path):
    request = EvaluationRequest(model, ["draws:1"], candidates=2)
    assert not draw(request, tmp_path / "e").left_out
