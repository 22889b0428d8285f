"""Start a run from the weights of a trained model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unsynth.models.artifact import SUFFIX, load_artifact, read_artifact, shipped_artifact
from unsynth.tasks.task import Task
from unsynth.training.module import ModelTraining, TrainingError


def load_weights(module: ModelTraining, task: Task, source: str) -> int:
    """Load the weights of ``source``, a weight file or the task of a model that ships.

    Both the weights and their average take them; the optimiser starts anew. Returns the number of
    steps that the model was trained for. Raises :class:`TrainingError` if its architecture is not
    that of the experiment, and :class:`~unsynth.models.artifact.ArtifactError` for a file that
    cannot be used.
    """
    path = Path(source) if source.endswith(SUFFIX) else shipped_artifact(source)
    if path is None:
        raise TrainingError(
            f"start_from: no model named {source} comes with unsynth (see unsynth models); give "
            f"one of those, or a weight file (NAME{SUFFIX})"
        )
    artifact = read_artifact(path)
    theirs = artifact.architecture.model_dump(mode="json")
    ours = module.experiment.model.model_dump(mode="json")
    if different := _difference(ours, theirs, "model"):
        raise TrainingError(
            f"start_from: {source} is another model than that of the experiment ({different})"
        )
    model, _ = load_artifact(path, task)
    for each in (module.model, module.ema):
        each.load_state_dict(model.state_dict())
    return artifact.training_steps


def _difference(ours: Mapping[str, Any], theirs: Mapping[str, Any], name: str) -> str | None:
    """Name the first setting that differs, with both values."""
    for key in {**ours, **theirs}:
        mine, other = ours.get(key), theirs.get(key)
        if isinstance(mine, dict) and isinstance(other, dict):
            if found := _difference(mine, other, f"{name}.{key}"):
                return found
        elif mine != other:
            return f"{name}.{key} is {other} there, and {mine} here"
    return None
