"""An untrained model that samples fast."""

import pytest

from tests.models.small import SMALL, small_flow
from unsynth.flow.solver import Solver
from unsynth.models.architecture import FlowArchitecture
from unsynth.models.artifact import SamplingSettings, describe, save_artifact


@pytest.fixture(scope="session")
def model(task, tmp_path_factory) -> str:
    """A model that learned nothing: its samples are valid patches."""
    path = tmp_path_factory.mktemp("model") / "dx7.safetensors"
    sampling = SamplingSettings(solver=Solver.EULER, steps=2)
    artifact = describe(task, FlowArchitecture.model_validate(SMALL), sampling, 0.9, 1, None)
    save_artifact(path, small_flow(task.spec.width), artifact)
    return str(path)
