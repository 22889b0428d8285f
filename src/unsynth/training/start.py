"""Start a run from the weights of a trained model."""

from pathlib import Path

from unsynth.documents import shown
from unsynth.errors import TrainingError
from unsynth.models.artifact import SUFFIX, load_artifact, read_artifact, shipped_artifact
from unsynth.output import first_difference
from unsynth.tasks.task import Task
from unsynth.training.module import ModelTraining


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
    if difference := first_difference(theirs, ours, "model."):
        key, other, value = difference
        raise TrainingError(
            f"start_from: {source} is another model than that of the experiment "
            f"({key} is {shown(other)} there, and {shown(value)} here)"
        )
    model, _ = load_artifact(path, task)
    for each in (module.model, module.ema):
        each.load_state_dict(model.state_dict())
    return artifact.training_steps
