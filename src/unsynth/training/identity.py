"""What makes a run the same run: a checkpoint resumes no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from unsynth.documents import shown
from unsynth.errors import TrainingError
from unsynth.training.experiment import Experiment


def identity(experiment: Experiment, task_hash: str) -> dict[str, Any]:
    """List what must be equal to resume a run; the optimiser's settings may change.

    The places of sets and the number of loaders may change as well. The content of the training set
    may not; it is not part of an experiment, so :class:`ModelTraining` adds it.
    """
    shared = experiment.model_dump(mode="json", include={"seed", "model", "data"})
    # Without sketches the key is left out, so that checkpoints older than the key can be resumed.
    old = [] if experiment.data.sketched else ["sketched"]
    for key in ("folder", "validation_folder", "loaders", *old):
        del shared["data"][key]
    return {"task": f"{Path(experiment.task).stem} {task_hash}"} | _flatten(shared)


def check_identity(stored: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise :class:`TrainingError` for another run's checkpoint, naming the first difference."""
    for key, value in expected.items():
        other = stored.get(key)
        if isinstance(other, torch.Tensor) or other != value:
            raise TrainingError(
                f"the checkpoint is of {key} {_text(other)}, the experiment of {_text(value)}: "
                "train anew with another --out"
            )


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) < 200 else shown(value)


def _flatten(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested fields into one level of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        nested = isinstance(value, dict)
        flat |= _flatten(value, f"{prefix}{key}.") if nested else {prefix + key: value}
    return flat
