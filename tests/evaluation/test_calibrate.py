"""Calibration of models whose posterior is right, or too narrow."""

import numpy as np
import pytest

from tests.models.small import SMALL, small_flow
from unsynth.evaluation import calibrate as module
from unsynth.evaluation.calibrate import CalibrationResult, calibrate
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact


class PriorPosterior:
    """Samples the prior for every sound, which is calibrated; with guidance, the pitch is not."""

    def __init__(self, task):
        self.task = task

    def sample(self, audio, count, rng, guidance):
        patches = np.stack([self.task.sample(rng) for _ in range(count)])
        if guidance > 1:
            patches[:, self.task.spec.position["note.pitch"]] = 60 + rng.integers(-2, 3, count)
        return patches


@pytest.fixture
def model(task, tmp_path) -> str:
    path = tmp_path / "dx7.safetensors"
    artifact = describe(
        task, FlowArchitecture.model_validate(SMALL), SamplingSettings(steps=1), 0.9, 1, None
    )
    save_artifact(path, small_flow(task.spec.width), artifact)
    return str(path)


def table(model: str, draws: int, **options) -> list[list[str]]:
    *_, last = calibrate(model, draws, samples=9, **options)
    assert isinstance(last, CalibrationResult)
    return [list(row) for row in last.table.rows]


def test_prior_is_calibrated_and_narrow_pitches_are_not(task, model, monkeypatch):
    monkeypatch.setattr(module, "load_posterior", lambda task, path: PriorPosterior(task))
    rows = {row[0]: row[1:] for row in table(model, draws=40)}
    assert len(rows) == 2 * 4
    for name in ("note.pitch", "note.onset", "note.duration", "log prior density"):
        assert float(rows[f"w = 1, {name}"][-1]) > 1e-3
    assert float(rows["w = 2, note.pitch"][-1]) < 1e-9
    assert int(rows["w = 2, note.pitch"][0].split()[0]) < 30 < 70


def test_calibration_depends_only_on_the_seed(model):
    first, again, other = (table(model, draws=5, guidances=(1.0,), seed=seed) for seed in (0, 0, 1))
    assert first == again != other
