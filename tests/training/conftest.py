from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml

from tests.data.sets import make_set
from tests.training.runs import EXPERIMENT, STEPS
from unsynth.data.folder import Folder


@pytest.fixture(scope="session")
def experiment_path(tmp_path_factory) -> Path:
    """An experiment of seconds, with a checkpoint after every step."""
    path = tmp_path_factory.mktemp("experiments") / "tiny.yaml"
    path.write_text(yaml.safe_dump(EXPERIMENT))
    return path


@pytest.fixture(autouse=True)
def restore_torch_settings() -> Iterator[None]:
    """Restore the settings that training changes, for other tests."""
    precision = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(precision)
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def whole_run(experiment_path, tmp_path_factory) -> Path:
    """The folder of an uninterrupted run."""
    from unsynth.training.train import train

    folder = tmp_path_factory.mktemp("runs") / "whole"
    assert train(experiment_path, out=folder).step == STEPS
    return folder


@pytest.fixture(scope="session")
def small_set(task, tmp_path_factory) -> Folder:
    return make_set(tmp_path_factory.mktemp("sets") / "set", task)
