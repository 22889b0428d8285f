"""Export the averaged weights of a run's checkpoint as a weight file."""

from pathlib import Path

import torch

from unsynth.models.artifact import Artifact, describe, save_artifact
from unsynth.tasks.catalogue import load_task
from unsynth.training.checkpoint import CHECKPOINT, check_weights, read_checkpoint
from unsynth.training.experiment import load_experiment
from unsynth.training.identity import check_identity, identity
from unsynth.training.tables import last_validation

#: The names of averaged weights in a checkpoint start with this.
_PREFIX = "ema."


def export_artifact(checkpoint: Path, out: Path) -> Artifact:
    """Write the averaged weights of a checkpoint (or of a run's folder) to ``out``.

    Raises :class:`~unsynth.errors.TrainingError` for a checkpoint that is missing, damaged
    or of another task, and :class:`~unsynth.models.artifact.ArtifactError` if ``out`` cannot be
    written.
    """
    path = checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint
    content = read_checkpoint(path)
    experiment = load_experiment(path.with_name("experiment.yaml"))
    task = load_task(experiment.task)
    check_identity(content["unsynth"], identity(experiment, task.hash))
    shape = experiment.model.observed_shape(task)
    with torch.device("meta"):
        model = experiment.model.build(task.spec, shape)
    averaged = {
        name.removeprefix(_PREFIX): value
        for name, value in content["state_dict"].items()
        if isinstance(name, str) and name.startswith(_PREFIX)
    }
    check_weights(path, averaged, model.state_dict())
    model.load_state_dict(averaged, assign=True)
    step = content["global_step"]
    artifact = describe(
        task,
        experiment.model,
        experiment.sampling,
        experiment.training.ema_decay,
        step,
        last_validation(path.parent, step),
    )
    return save_artifact(out, model, artifact)
