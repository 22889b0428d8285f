"""Things the tests share: the task, real voices where they are at hand, small sounds."""

from pathlib import Path

import numpy as np
import pytest
import torch

from unsynth.tasks.dx7 import DX7Task

SHARED = Path(__file__).parents[2] / "shared"

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def task() -> DX7Task:
    return DX7Task()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Reference sounds and voices that lie beside a checkout, not in it."""
    if not (SHARED / "data").is_dir():
        pytest.skip("the reference data (../shared/data) is not here")
    return SHARED / "data"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def relative_error(expected: np.ndarray, got: np.ndarray) -> float:
    """RMS of the difference over RMS of the expected sound."""
    return float(np.sqrt(np.mean((got - expected) ** 2) / max(1e-18, np.mean(expected**2))))
