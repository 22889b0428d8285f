"""Export the averaged weights of a run's checkpoint as a weight file."""

import csv
import pickle
from pathlib import Path

import torch

from unsynth.models.artifact import Artifact, describe, save_artifact
from unsynth.tasks.catalogue import load_task
from unsynth.training.callbacks import CHECKPOINT
from unsynth.training.experiment import load_experiment
from unsynth.training.module import TrainingError, check_identity, identity

#: The names of averaged weights in a checkpoint start with this.
_PREFIX = "ema."


def export_artifact(checkpoint: Path, out: Path) -> Artifact:
    """Write the averaged weights of a checkpoint (or of a run's folder) to ``out``.

    Raises :class:`TrainingError` for a checkpoint that is missing, damaged or of another task, and
    :class:`~unsynth.models.artifact.ArtifactError` if ``out`` cannot be written.
    """
    path = checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint
    try:
        checkpoint_state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"{path} cannot be read ({error.strerror})") from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:120]
        raise TrainingError(f"{path} is not a checkpoint, or damaged ({reason})") from None
    experiment = load_experiment(path.with_name("experiment.yaml"))
    task = load_task(experiment.task)
    check_identity(checkpoint_state.get("unsynth", {}), identity(experiment, task.hash))
    shape = experiment.model.observed_shape(task)
    with torch.device("meta"):
        model = experiment.model.build(task.spec, shape)
    averaged = {
        name.removeprefix(_PREFIX): value
        for name, value in checkpoint_state["state_dict"].items()
        if name.startswith(_PREFIX)
    }
    model.load_state_dict(averaged, assign=True)
    step = checkpoint_state["global_step"]
    artifact = describe(
        task,
        experiment.model,
        experiment.sampling,
        experiment.training.ema_decay,
        step,
        _validation_loss(path.with_name("validation.csv"), step),
    )
    return save_artifact(out, model, artifact)


def _validation_loss(table: Path, step: int) -> float | None:
    """Read the last loss that was measured up to a step, if there is one."""
    if not table.exists():
        return None
    rows = list(csv.DictReader(table.read_text().splitlines()))
    losses = [float(row["loss"]) for row in rows if int(row["step"]) <= step]
    return losses[-1] if losses else None
